# OpenOCD's commands, as far as provision.tcl uses them, for jimsh: each is a request to openocd_double, which has the board.
# Usage: jimsh board.tcl SCRIPT...     requests go to file descriptor 3, answers come from 4

set requests [open /dev/fd/3 w]
set answers [open /dev/fd/4 r]

proc ask {args} {
    puts $::requests $args
    flush $::requests
    if {[gets $::answers answer] < 0} { error "board: gone" }
    if {[lindex $answer 0] ne "ok"} { error "board: $answer" }
    return [lindex $answer 1]
}

proc mrw {address} { return [ask mrw [format 0x%x $address]] }
proc mww {address value} { ask mww [format 0x%x $address] [format 0x%x [expr {$value & 0xFFFFFFFF}]] }
proc halt {} { ask halt }
proc reset {how} { ask reset-$how }
proc flash {verb args} {
    if {$verb eq "erase_sector"} {
        lassign $args bank first last
        return [ask erase [format 0x%x $first] [format 0x%x $last]]
    }
    if {$verb eq "write_image"} {
        lassign $args file address type
        return [ask write [format 0x%x $address] $file]
    }
    error "board: flash $verb is not known here"
}

foreach script $argv {
    if {[catch {source $script} message]} {
        puts stderr $message
        exit 1
    }
}
