# fota_layer(NAME SOURCES ... [LINKS ...] [PRIVATE_LINKS ...])
# One folder = one static library. Its public headers live in include/, its private ones beside the sources.
# LINKS are the layers whose headers it may include; anything else is not on the include path. From outside its name is
# fota::NAME. Inside, the target is fota_NAME, so that a project with a target of this name can add this one; the archive is libNAME.a.

set(CMAKE_C_STANDARD 11)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS OFF)

set(FOTA_WARNINGS -Wall -Wextra -Wconversion -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wundef -Wvla
                  -Werror)
set(FOTA_SANITIZE "" CACHE STRING "sanitizers for the host build, e.g. address,undefined")

# For our own targets only: a project that links them gets none of these flags. Without a build type gcc would not optimise,
# and the RAM code that runs while the flash is busy would be too slow; so the firmware asks for -Os then.
add_library(fota_flags INTERFACE)
target_compile_options(fota_flags INTERFACE ${FOTA_WARNINGS} -ffunction-sections -fdata-sections
    $<$<AND:$<CONFIG:>,$<STREQUAL:${CMAKE_SYSTEM_NAME},Generic>>:-Os>)
if(FOTA_SANITIZE)
    target_compile_options(fota_flags INTERFACE -fsanitize=${FOTA_SANITIZE} -fno-sanitize-recover=all
                                                -fno-omit-frame-pointer)
    target_link_options(fota_flags INTERFACE -fsanitize=${FOTA_SANITIZE})
endif()

function(fota_layer name)
    cmake_parse_arguments(L "" "" "SOURCES;LINKS;PRIVATE_LINKS" ${ARGN})
    add_library(fota_${name} STATIC ${L_SOURCES})
    add_library(fota::${name} ALIAS fota_${name})
    set_target_properties(fota_${name} PROPERTIES OUTPUT_NAME ${name})
    target_include_directories(fota_${name} PUBLIC ${CMAKE_CURRENT_SOURCE_DIR}/include)
    target_link_libraries(fota_${name} PUBLIC ${L_LINKS} PRIVATE fota_flags ${L_PRIVATE_LINKS})
endfunction()
