# fota_add_application(NAME VERSION x.y.z SOURCES ... [COUNTER n] [UNSIGNED] [DEFINES ...] [LINKS ...])
#
# An application that can be updated. The STM32F407 cannot remap its flash, so it is linked twice, once for each slot:
#
#   <name>-a.elf  <name>-a.bin  <name>-a.img   slot A
#   <name>-b.elf  <name>-b.bin  <name>-b.img   slot B
#
# in the current binary directory. Each .bin begins with the vector table, at the slot's base + 0x200; `fota sign` puts the
# image header in front and the signature after it, which makes the .img, and the run flag that has the image run under the
# watchdog from reset on (--no-watchdog leaves it out): agent_poll feeds it. The sources are compiled once.
#
#   VERSION  version of the release; the sources see it as the string FOTA_APP_VERSION
#   SOURCES  C and assembler files; main() among them
#   COUNTER  security counter of the images (default 1)
#   UNSIGNED the images are signed elsewhere: make no .img, and say nothing about it
#   DEFINES  preprocessor definitions
#   LINKS    libraries besides those every application gets: `fota::agent` (the updater) and `fota::start` (start-up code, ST's
#            CMSIS headers). `fota::st_hal` is ST's HAL as the demo configures it.
#
# No compiler flag of this project reaches the sources. With -ffunction-sections -fdata-sections of your own the linker leaves
# out what nobody calls.
#
# Signing happens in the build if FOTA_SIGN_KEY names a private key and FOTA_COMMAND the fota command; else the build says that
# the images are unsigned and how to sign them.
#
# Example:
#
#   fota_add_application(pump_controller VERSION 1.4.0 SOURCES main.c valves.c LINKS fota::st_hal)
#
# The linker script port/stm32f407/application/slot.ld takes all addresses from the board (cmake/fota_board.cmake). The application has the
# SRAM but its last 4 KB (boot services), and CCM by the section `.ccm`; code for RAM goes into `.ram_code`.

# Called from other folders and other projects: what the functions read is in the cache, or a property of this project.
find_program(FOTA_COMMAND fota HINTS ${PROJECT_SOURCE_DIR}/build/host/cli DOC "the fota command, which signs images")
if(NOT FOTA_COMMAND)
    set(FOTA_COMMAND ${PROJECT_SOURCE_DIR}/build/host/cli/fota) # `make host` makes it later
endif()
set(FOTA_SIGN_KEY "" CACHE FILEPATH "private key for images of fota_add_application; empty: they stay unsigned")
set_property(GLOBAL PROPERTY FOTA_SIGN_COMMAND ${FOTA_COMMAND})

# The linker script of one slot (a, b, loader), made by the preprocessor. Sets <out> to its path.
function(fota_slot_script slot out)
    string(TOUPPER ${slot} upper)
    set(start_dir ${stm32f407_fota_SOURCE_DIR}/port/stm32f407/application)
    set(map_dir ${stm32f407_fota_SOURCE_DIR}/lib/base/include)
    get_property(board_dir GLOBAL PROPERTY FOTA_BOARD_DIR)
    if(slot STREQUAL "loader")
        set(place -DSLOT_BASE=FLASH_LOADER_BASE -DSLOT_BYTES=FLASH_LOADER_BYTES)
    else()
        set(place -DSLOT_BASE=FLASH_SLOT_${upper}_BASE -DSLOT_BYTES=FLASH_SLOT_BYTES)
    endif()
    set(script ${stm32f407_fota_BINARY_DIR}/app/slot_${slot}.ld)
    if(NOT TARGET fota_slot_script_${slot})
        add_custom_command(
            OUTPUT ${script}
            COMMAND ${CMAKE_C_COMPILER} -E -P -x c -I ${map_dir} -I ${board_dir} ${place}
                    ${start_dir}/slot.ld -o ${script}
            DEPENDS ${start_dir}/slot.ld ${map_dir}/base/flash_map.h ${board_dir}/board/board.h
            COMMENT "Linker script of slot ${upper}" VERBATIM)
        add_custom_target(fota_slot_script_${slot} DEPENDS ${script})
    endif()
    set(${out} ${script} PARENT_SCOPE)
endfunction()

# The objects linked for one slot: <image>.elf and <image>.bin (of the loader, loader.elf and loader.bin).
function(fota_link_slot image slot objects)
    set(file ${image})
    if(slot STREQUAL "loader")
        set(file loader)
    endif()
    fota_slot_script(${slot} script)
    add_executable(${image} $<TARGET_OBJECTS:${objects}> $<TARGET_OBJECTS:fota_start_objects>)
    set_target_properties(${image} PROPERTIES OUTPUT_NAME ${file} SUFFIX .elf LINK_DEPENDS ${script})
    add_dependencies(${image} fota_slot_script_${slot})
    target_link_libraries(${image} PRIVATE fota_agent ${ARGN})
    target_link_options(${image} PRIVATE -T${script} -nostartfiles --specs=nano.specs --specs=nosys.specs
                                         -Wl,--gc-sections -Wl,-n -Wl,-Map=${file}.map)
    add_custom_command(TARGET ${image} POST_BUILD
                       COMMAND ${CMAKE_OBJCOPY} -O binary $<TARGET_FILE:${image}> ${file}.bin
                       BYPRODUCTS ${file}.bin VERBATIM)
endfunction()

# <image>.img after <image>.bin, or a sentence how to make it.
function(fota_sign_slot image slot version counter)
    get_property(hw GLOBAL PROPERTY FOTA_BOARD)
    get_property(command GLOBAL PROPERTY FOTA_SIGN_COMMAND)
    add_custom_command(TARGET ${image} POST_BUILD
                       COMMAND ${CMAKE_COMMAND} -DFOTA=${command} -DKEY=${FOTA_SIGN_KEY} -DSLOT=${slot} -DVERSION=${version}
                               -DHW=${hw} -DCOUNTER=${counter} -DIMAGE=${image}
                               -P ${stm32f407_fota_SOURCE_DIR}/cmake/fota_sign.cmake
                       BYPRODUCTS ${image}.img VERBATIM)
endfunction()

function(fota_add_application name)
    cmake_parse_arguments(A "UNSIGNED" "VERSION;COUNTER" "SOURCES;DEFINES;LINKS" ${ARGN})
    if(A_UNPARSED_ARGUMENTS)
        message(FATAL_ERROR "fota_add_application(${name}): '${A_UNPARSED_ARGUMENTS}' is none of its words: write SOURCES before "
                            "the files, LINKS before libraries")
    endif()
    if(NOT A_VERSION MATCHES "^[0-9]+\\.[0-9]+\\.[0-9]+$")
        message(FATAL_ERROR "fota_add_application(${name}): VERSION must be x.y.z, got '${A_VERSION}'")
    endif()
    if(NOT A_SOURCES)
        message(FATAL_ERROR "fota_add_application(${name}): SOURCES is empty")
    endif()
    if(NOT DEFINED A_COUNTER)
        set(A_COUNTER 1)
    endif()
    add_library(${name}-objects OBJECT ${A_SOURCES})
    target_compile_definitions(${name}-objects PRIVATE FOTA_APP_VERSION="${A_VERSION}" ${A_DEFINES})
    target_link_libraries(${name}-objects PRIVATE fota_agent fota_start ${A_LINKS})
    foreach(slot a b)
        fota_link_slot(${name}-${slot} ${slot} ${name}-objects ${A_LINKS})
        if(NOT A_UNSIGNED)
            fota_sign_slot(${name}-${slot} ${slot} ${A_VERSION} ${A_COUNTER})
        endif()
    endforeach()
endfunction()
