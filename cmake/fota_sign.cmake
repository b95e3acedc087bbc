# Run by the build after an application was linked (fota_add_application): signs IMAGE.bin to IMAGE.img with KEY, or says that
# the image is unsigned and how to sign it. An image of an earlier build never stays.
#
# cmake -DFOTA=command -DKEY=file.pem -DSLOT=a -DVERSION=x.y.z -DHW=id -DCOUNTER=n -DIMAGE=name -P fota_sign.cmake
file(REMOVE ${IMAGE}.img)
set(words sign --slot ${SLOT} --version ${VERSION} --hw ${HW} --counter ${COUNTER})
list(JOIN words " " shown)
if(KEY STREQUAL "")
    message("${IMAGE}.bin is not signed: set FOTA_SIGN_KEY to a private key, or run\n"
            "    fota ${shown} --key KEY.pem --out ${IMAGE}.img ${IMAGE}.bin")
    return()
endif()
if(NOT EXISTS ${FOTA})
    message("${IMAGE}.bin is not signed: there is no fota command at ${FOTA}; build it with `make host`, or set FOTA_COMMAND, or run\n"
            "    fota ${shown} --key ${KEY} --out ${IMAGE}.img ${IMAGE}.bin")
    return()
endif()
execute_process(COMMAND ${FOTA} ${words} --elf ${IMAGE}.elf --key ${KEY} --out ${IMAGE}.img ${IMAGE}.bin RESULT_VARIABLE code OUTPUT_QUIET)
if(NOT code EQUAL 0)
    message(FATAL_ERROR "${IMAGE}.bin could not be signed with ${KEY}: fota says why above")
endif()
