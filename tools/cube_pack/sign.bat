@echo off
rem Post-build step on Windows: sign the program of one slot with MCUboot's imgtool (Python: pip install imgtool).
rem
rem Usage: sign.bat SLOT VERSION PROGRAM.bin IMAGE.img     SLOT: a or b; VERSION: x.y.z
rem Environment: FOTA_KEY the private image key; without it nothing is signed
rem              FOTA_COUNTER security counter (1)
setlocal
if "%~4"=="" (echo sign.bat: wants SLOT VERSION PROGRAM.bin IMAGE.img 1>&2 & exit /b 2)
if "%FOTA_COUNTER%"=="" set FOTA_COUNTER=1
if /i "%~1"=="a" (set SLOT_BASE=@SLOT_A@) else if /i "%~1"=="b" (set SLOT_BASE=@SLOT_B@) else (echo sign.bat: slot must be a or b, got "%~1" 1>&2 & exit /b 2)
if exist "%~4" del "%~4"
if "%FOTA_KEY%"=="" (echo "%~3" is not signed: set FOTA_KEY to your private image key & exit /b 0)
imgtool sign -k "%FOTA_KEY%" --align 4 --header-size @HEADER@ --pad-header --slot-size @SLOT_BYTES@ --version %~2 --security-counter %FOTA_COUNTER% --rom-fixed %SLOT_BASE% --custom-tlv 0x00a0 @HW@ --custom-tlv 0x00a1 0x01 "%~3" "%~4"
