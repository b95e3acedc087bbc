#!/bin/sh
# The twin on the command line: what it says and how it exits. Usage: command_test.sh TWIN GUEST_ELF
set -u
twin=$1
guest=$2
failed=0

# expect NAME EXIT TEXT ARGUMENTS...: run it, compare the exit code, look for TEXT in all that it says.
expect() {
    name=$1 exit=$2 text=$3
    shift 3
    said=$("$twin" "$@" 2>&1)
    got=$?
    if [ "$got" -ne "$exit" ] || ! printf '%s' "$said" | grep -qF -- "$text"; then
        printf 'FAILED %s: exit %d (wanted %d), it said:\n%s\n(wanted: %s)\n' "$name" "$got" "$exit" "$said" "$text"
        failed=1
    fi
}

expect help_explains_itself 0 'Run ARM firmware on an emulated STM32F407VG' --help
expect no_file_is_refused 2 'no --elf FILE given'
expect unknown_option_is_refused 2 'see twin --help' --frobnicate
expect stray_argument_is_refused 2 "what is 'app.elf'?" app.elf
expect missing_file_is_named 2 'nowhere.elf: cannot open it' --elf nowhere.elf
expect text_file_is_no_firmware 2 'not an ELF file' --elf "$0"
expect bad_number_is_refused 2 "--ms wants a number up to 1000000000, not 'soon'" --elf "$guest" --ms soon
expect bad_lsi_is_refused 2 'lsi_hz is 100; give 17000 to 47000' --elf "$guest" --lsi 100
expect guest_runs 0 'time is up at 20.000 ms' --elf "$guest" --ms 20
expect missing_text_is_an_error 1 "the console did not show 'never'" --elf "$guest" --ms 20 --until never
expect options_are_a_number 2 "--options wants a number" --elf "$guest" --options none
expect guest_runs_on_revision_a 0 'time is up at 20.000 ms' --elf "$guest" --ms 20 --revision-a --options 0x0FFCAAE1
expect rom_loader_keeps_the_core_still 0 '0 instructions' --boot0 --ms 100

[ "$failed" -eq 0 ] && echo 'twin command: 13 cases passed'
exit "$failed"
