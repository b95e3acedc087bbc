# The board that is built for: boards/<FOTA_BOARD>/board.json. tools/board.py refuses a layout that cannot work, in one
# sentence, and writes what is generated from it:
#
#   FOTA_BOARD_DIR/board/board.h     the numbers of this board, for sources (through base/flash_map.h) and linker scripts
#   FOTA_BOARD_DIR/board_own.c       struct board_layout of this board
#   FOTA_BOARD_DIR/board_table.c     struct board_layout of every board, for the host side
#
# A project of one's own chooses with FOTA_BOARD, and may have a folder of boards of its own, FOTA_BOARDS_FOLDER, besides ours.
# Runs when cmake configures, and again after a change of a board.
set(FOTA_BOARD f407-disco CACHE STRING "board: a folder of boards/ or of FOTA_BOARDS_FOLDER")
set(FOTA_BOARDS_FOLDER ${CMAKE_CURRENT_LIST_DIR}/../boards CACHE PATH "folder with one folder for each board of one's own")
set(FOTA_BOARD_DIR ${CMAKE_CURRENT_BINARY_DIR}/generated)
set(FOTA_BOARD_TOOL ${CMAKE_CURRENT_LIST_DIR}/../tools/board.py)

find_program(FOTA_PYTHON python3 REQUIRED)
get_filename_component(FOTA_BOARDS_FOLDER ${FOTA_BOARDS_FOLDER} ABSOLUTE)
get_filename_component(FOTA_OWN_BOARDS ${CMAKE_CURRENT_LIST_DIR}/../boards ABSOLUTE)
set(board_folders ${FOTA_BOARDS_FOLDER} ${FOTA_OWN_BOARDS})
list(REMOVE_DUPLICATES board_folders)
set(board_files)
foreach(folder ${board_folders})
    file(GLOB files CONFIGURE_DEPENDS ${folder}/*/board.json ${folder}/parts.json)
    list(APPEND board_files ${files})
endforeach()
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${board_files} ${FOTA_BOARD_TOOL})

function(fota_board_write)
    execute_process(COMMAND ${FOTA_PYTHON} ${FOTA_BOARD_TOOL} --boards ${FOTA_BOARDS_FOLDER} ${ARGN}
                    RESULT_VARIABLE result ERROR_VARIABLE words)
    if(NOT result EQUAL 0)
        message(FATAL_ERROR "${words}")
    endif()
endfunction()
set_property(GLOBAL PROPERTY FOTA_BOARD ${FOTA_BOARD})
set_property(GLOBAL PROPERTY FOTA_BOARD_DIR ${FOTA_BOARD_DIR})
fota_board_write(header ${FOTA_BOARD} ${FOTA_BOARD_DIR}/board/board.h)
fota_board_write(own ${FOTA_BOARD} ${FOTA_BOARD_DIR}/board_own.c)
fota_board_write(table ${FOTA_BOARD_DIR}/board_table.c)
