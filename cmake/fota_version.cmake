# Target `fota_version`: the header fota_version.h, made from the version that project() in the top CMakeLists.txt names. Root,
# loader and command have that one version; tools/check_version.py finds a second place.
configure_file(${CMAKE_CURRENT_LIST_DIR}/fota_version.h.in ${PROJECT_BINARY_DIR}/generated/fota_version.h @ONLY)
add_library(fota_version INTERFACE)
target_include_directories(fota_version INTERFACE ${PROJECT_BINARY_DIR}/generated)
