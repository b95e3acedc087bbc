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
        ec/ec_secp256r1 ec/ecdsa_i31_bits
        hash/sha2small
        int/i31_add int/i31_bitlen int/i31_decmod int/i31_decode int/i31_encode int/i31_fmont int/i31_iszero
        int/i31_modpow int/i31_montmul int/i31_muladd int/i31_ninv31 int/i31_rshift int/i31_sub int/i31_tmont
        int/i32_div32)
    list(TRANSFORM BEARSSL_FILES PREPEND ${BEARSSL_DIR}/src/)
    list(TRANSFORM BEARSSL_FILES APPEND .c)

    # BearSSL makes room for P-384 and P-521 too: 0.7 KB of tables that nothing reaches and twice the stack. Three of its
    # files are built from copies without them; each edit must still find what it replaces.
    set(BEARSSL_P256 ${CMAKE_BINARY_DIR}/bearssl_p256)
    function(bearssl_copy file)
        file(READ ${BEARSSL_DIR}/src/${file} text)
        foreach(edit IN LISTS ARGN)
            string(REPLACE "=>" ";" edit "${edit}")
            list(GET edit 0 old)
            list(GET edit 1 new)
            string(FIND "${text}" "${old}" at)
            if(at EQUAL -1)
                message(FATAL_ERROR "BearSSL's ${file} has no `${old}`: check cmake/fota_bearssl.cmake")
            endif()
            string(REPLACE "${old}" "${new}" text "${text}")
        endforeach()
        file(CONFIGURE OUTPUT ${BEARSSL_P256}/${file} CONTENT "${text}" @ONLY)
    endfunction()
    bearssl_copy(inner.h "BR_MAX_EC_SIZE   528=>BR_MAX_EC_SIZE 256")
    bearssl_copy(ec/ec_prime_i31.c "&br_secp384r1=>0" "&br_secp521r1=>0" "0x03800000=>0x00800000"
                 "{ P384_P, P384_B, P384_R2, 0x00000001 },=> " "{ P521_P, P521_B, P521_R2, 0x00000001 }=> ")
    bearssl_copy(ec/ecdsa_i31_vrfy_raw.c "&br_secp384r1=>0" "&br_secp521r1=>0")
    list(APPEND BEARSSL_FILES ${BEARSSL_P256}/ec/ec_prime_i31.c ${BEARSSL_P256}/ec/ecdsa_i31_vrfy_raw.c)
    add_library(bearssl STATIC ${BEARSSL_FILES})
    target_include_directories(bearssl SYSTEM PUBLIC ${BEARSSL_DIR}/inc
                                              PRIVATE ${BEARSSL_P256} ${BEARSSL_DIR}/src)
    target_compile_options(bearssl PRIVATE -ffunction-sections -fdata-sections -w)
else()
    find_path(BEARSSL_INCLUDE bearssl.h REQUIRED)
    find_library(BEARSSL_LIBRARY bearssl REQUIRED)
    add_library(bearssl INTERFACE)
    target_include_directories(bearssl SYSTEM INTERFACE ${BEARSSL_INCLUDE})
    target_link_libraries(bearssl INTERFACE ${BEARSSL_LIBRARY})
endif()
