# Target `bearssl`: on the host Debian's libbearssl-dev, on the target the same version compiled from Debian's
# source package, which tools/setup.sh unpacks into build/third_party/bearssl.
if(FOTA_ON_TARGET)
    set(BEARSSL_DIR ${CMAKE_SOURCE_DIR}/build/third_party/bearssl)
    if(NOT EXISTS ${BEARSSL_DIR}/inc/bearssl.h)
        message(FATAL_ERROR "BearSSL source not found in ${BEARSSL_DIR}: run `make setup` first")
    endif()
    # The files that SHA-256 and ECDSA P-256 verification need, and nothing else.
    set(BEARSSL_FILES
        codec/dec32be codec/enc32be codec/ccopy
        ec/ec_p256_m31 ec/ec_secp256r1 ec/ecdsa_i31_bits ec/ecdsa_i31_vrfy_asn1 ec/ecdsa_i31_vrfy_raw ec/ecdsa_atr
        hash/sha2small
        int/i31_add int/i31_bitlen int/i31_decmod int/i31_decode int/i31_encode int/i31_fmont int/i31_iszero
        int/i31_modpow int/i31_montmul int/i31_muladd int/i31_ninv31 int/i31_rshift int/i31_sub int/i31_tmont
        int/i32_div32)
    list(TRANSFORM BEARSSL_FILES PREPEND ${BEARSSL_DIR}/src/)
    list(TRANSFORM BEARSSL_FILES APPEND .c)
    add_library(bearssl STATIC ${BEARSSL_FILES})
    target_include_directories(bearssl SYSTEM PUBLIC ${BEARSSL_DIR}/inc PRIVATE ${BEARSSL_DIR}/src)
    target_compile_options(bearssl PRIVATE -ffunction-sections -fdata-sections -w)
else()
    find_path(BEARSSL_INCLUDE bearssl.h REQUIRED)
    find_library(BEARSSL_LIBRARY bearssl REQUIRED)
    add_library(bearssl INTERFACE)
    target_include_directories(bearssl SYSTEM INTERFACE ${BEARSSL_INCLUDE})
    target_link_libraries(bearssl INTERFACE ${BEARSSL_LIBRARY})
endif()
