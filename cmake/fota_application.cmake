# fota_add_application(NAME VERSION x.y.z SOURCES ... [DEFINES ...] [LINKS ...])
#
# An application that can be updated. The STM32F407 cannot remap its flash, so it is linked twice, once for each slot:
#
#   <name>-a.elf  <name>-a.bin   slot A
#   <name>-b.elf  <name>-b.bin   slot B
#
# in the current binary directory. Each .bin begins with the vector table, at the slot's base + 0x200; `fota sign` puts the
# image header in front and the signature after it, and the run flag that has the image run under the watchdog from reset on
# (--no-watchdog leaves it out): agent_poll feeds it. The sources are compiled once.
#
#   VERSION  version of the release; the sources see it as the string FOTA_APP_VERSION
#   SOURCES  C and assembler files; main() among them
#   DEFINES  preprocessor definitions
#   LINKS    libraries besides those every application gets: `agent` (the updater) and `fota_start` (start-up code, ST's
#            CMSIS headers). `fota_hal` is ST's HAL as the demo configures it.
#
# Example:
#
#   fota_add_application(pump_controller VERSION 1.4.0 SOURCES main.c valves.c LINKS fota_hal)
#
# The linker script app/slot.ld takes all addresses from the board (cmake/fota_board.cmake). The application has the
# SRAM but its last 4 KB (boot services), and CCM by the section `.ccm`; code for RAM goes into `.ram_code`.

set(FOTA_APP_DIR ${CMAKE_SOURCE_DIR}/app)
set(FOTA_MAP_DIR ${CMAKE_SOURCE_DIR}/lib/base/include)

# The linker script of one slot (a, b, loader), made by the preprocessor. Sets <out> to its path.
function(fota_slot_script slot out)
    string(TOUPPER ${slot} upper)
    if(slot STREQUAL "loader")
        set(place -DSLOT_BASE=FLASH_LOADER_BASE -DSLOT_BYTES=FLASH_LOADER_BYTES)
    else()
        set(place -DSLOT_BASE=FLASH_SLOT_${upper}_BASE -DSLOT_BYTES=FLASH_SLOT_BYTES)
    endif()
    set(script ${CMAKE_BINARY_DIR}/app/slot_${slot}.ld)
    if(NOT TARGET fota_slot_script_${slot})
        add_custom_command(
            OUTPUT ${script}
            COMMAND ${CMAKE_C_COMPILER} -E -P -x c -I ${FOTA_MAP_DIR} -I ${FOTA_BOARD_DIR} ${place}
                    ${FOTA_APP_DIR}/slot.ld -o ${script}
            DEPENDS ${FOTA_APP_DIR}/slot.ld ${FOTA_MAP_DIR}/base/flash_map.h ${FOTA_BOARD_DIR}/board/board.h
            COMMENT "Linker script of slot ${upper}" VERBATIM)
        add_custom_target(fota_slot_script_${slot} DEPENDS ${script})
    endif()
    set(${out} ${script} PARENT_SCOPE)
endfunction()

# The objects linked for one slot: <image>.elf and <image>.bin.
function(fota_link_slot image slot objects)
    fota_slot_script(${slot} script)
    add_executable(${image} $<TARGET_OBJECTS:${objects}> $<TARGET_OBJECTS:fota_start_objects>)
    set_target_properties(${image} PROPERTIES SUFFIX .elf LINK_DEPENDS ${script})
    add_dependencies(${image} fota_slot_script_${slot})
    target_link_libraries(${image} PRIVATE agent ${ARGN})
    target_link_options(${image} PRIVATE -T${script} -nostartfiles --specs=nano.specs --specs=nosys.specs
                                         -Wl,--gc-sections -Wl,-n -Wl,-Map=${image}.map)
    add_custom_command(TARGET ${image} POST_BUILD
                       COMMAND ${CMAKE_OBJCOPY} -O binary $<TARGET_FILE:${image}> ${image}.bin
                       BYPRODUCTS ${image}.bin VERBATIM)
endfunction()

function(fota_add_application name)
    cmake_parse_arguments(A "" "VERSION" "SOURCES;DEFINES;LINKS" ${ARGN})
    if(NOT A_VERSION MATCHES "^[0-9]+\\.[0-9]+\\.[0-9]+$")
        message(FATAL_ERROR "fota_add_application(${name}): VERSION must be x.y.z, got '${A_VERSION}'")
    endif()
    if(NOT A_SOURCES)
        message(FATAL_ERROR "fota_add_application(${name}): SOURCES is empty")
    endif()
    add_library(${name}-objects OBJECT ${A_SOURCES})
    target_compile_definitions(${name}-objects PRIVATE FOTA_APP_VERSION="${A_VERSION}" ${A_DEFINES})
    target_link_libraries(${name}-objects PRIVATE fota_flags agent fota_start ${A_LINKS})
    foreach(slot a b)
        fota_link_slot(${name}-${slot} ${slot} ${name}-objects ${A_LINKS})
    endforeach()
endfunction()
