# Target `bearssl`: Debian's libbearssl-dev, on the host only. It signs for the fota command and is the oracle of
# lib/crypto in tests/unit/crypto; the target and lib/ do not use it.
if(NOT FOTA_ON_TARGET)
    find_path(BEARSSL_INCLUDE bearssl.h REQUIRED)
    find_library(BEARSSL_LIBRARY bearssl REQUIRED)
    add_library(fota_bearssl INTERFACE)
    target_include_directories(fota_bearssl SYSTEM INTERFACE ${BEARSSL_INCLUDE})
    target_link_libraries(fota_bearssl INTERFACE ${BEARSSL_LIBRARY})
endif()
