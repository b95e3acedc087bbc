# Two builds in two folders give the same bytes (tests/release): no path of this machine goes into an object. Paths are written
# relative to the source folder, the build folder is called ./build. The debugger finds the sources when it starts in the source
# folder. The options hold for this project's folders only, not for the sources of a project that adds this one.
# GCC takes the last map that fits, so the build folder, which may lie in the source folder, comes last.
set(FOTA_PREFIX_MAPS -ffile-prefix-map=${PROJECT_SOURCE_DIR}=. -ffile-prefix-map=${CMAKE_BINARY_DIR}=./build)
add_compile_options(${FOTA_PREFIX_MAPS})
# With -flto the debug information is written by the link.
add_link_options(${FOTA_PREFIX_MAPS})
