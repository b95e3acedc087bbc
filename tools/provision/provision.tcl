# Provision one board: root, loader and image, then the option bytes, then the readout level.
#
# OpenOCD runs this file after `job.tcl`, which provision.py writes and which sets:
#   parts         list of {name file address words}: what is written, and each word of it
#   level         readout level, 0, 1 or 2       level_2_for_ever   1: level 2 is really meant
#   epoch         security epoch for one-time memory, 0 to 32
#   erase_locked  1: a chip at readout level 1 is erased and made anew
#   chip_id       DEV_ID of the board's part       flash_kbytes, last_sector   its flash
#   options_open, options_shut   FLASH_OPTCR while it is written, and as the board wants it      wishes   the same in words
#
# Only mrw, mww, halt, reset and flash writes touch the chip, so that the test runs this very file against an emulated
# board (tests/provision). Numbers of registers and bits: RM0090 3.9 (FLASH), 33.6 (DBGMCU).

set FLASH_KEYR    0x40023C04
set FLASH_OPTKEYR 0x40023C08
set FLASH_SR      0x40023C0C
set FLASH_CR      0x40023C10
set FLASH_OPTCR   0x40023C14
set SR_BSY        0x00010000
set SR_ERRORS     0x000000F2
set CR_PG_X32     0x00000201
set CR_LOCK       0x80000000
set OPTCR_LOCK    0x00000001
set OPTCR_STRT    0x00000002
set OPTCR_STORED  0x0FFFFFEC
set OTP_BASE      0x1FFF7800
set OTP_WORDS     8
set DBGMCU_IDCODE 0xE0042000
set FLASH_SIZE    0x1FFF7A20
# A mass erase takes up to 32 s (DS8626 table 40); one poll takes a probe about 1 ms, never less than 0.1 ms.
set MAX_POLLS     400000

# What was read back and found right. Nothing is locked before all of it is here.
set verified {}

proc hex {value} { return [format 0x%08X [expr {$value & 0xFFFFFFFF}]] }
proc say {text} { puts "provision: $text"; flush stdout }
proc stop {text} { error "provision: $text" }

proc wait_until_idle {what} {
    for {set i 0} {$i < $::MAX_POLLS} {incr i} {
        set sr [mrw $::FLASH_SR]
        if {($sr & $::SR_BSY) == 0} {
            if {$sr & $::SR_ERRORS} { stop "$what failed, FLASH_SR is [hex $sr]: check the supply, then run this again" }
            return
        }
    }
    stop "$what does not end: check the supply and the probe, then run this again"
}

# --- the chip ---

proc check_chip {} {
    set device [expr {[mrw $::DBGMCU_IDCODE] & 0xFFF}]
    if {$device != $::chip_id} {
        stop "chip [format 0x%03X $device] answers, the board has [format 0x%03X $::chip_id]: nothing was written"
    }
    # The size stands in the upper half of this word (RM0090 39.2).
    set kbytes [expr {([mrw $::FLASH_SIZE] >> 16) & 0xFFFF}]
    if {$kbytes < $::flash_kbytes} { stop "the chip has $kbytes KB of flash, the board needs $::flash_kbytes: nothing was written" }
}

# --- option bytes ---

proc options_now {} { return [expr {[mrw $::FLASH_OPTCR] & $::OPTCR_STORED}] }
proc rdp_byte {options} { return [expr {($options >> 8) & 0xFF}] }

# RM0090 3.7.2: keys, value, start bit, wait. The reset makes the chip load what is stored now.
proc write_options {options what} {
    wait_until_idle "the operation before"
    if {[mrw $::FLASH_OPTCR] & $::OPTCR_LOCK} {
        mww $::FLASH_OPTKEYR 0x08192A3B
        mww $::FLASH_OPTKEYR 0x4C5D6E7F
    }
    mww $::FLASH_OPTCR $options
    mww $::FLASH_OPTCR [expr {$options | $::OPTCR_STRT}]
    wait_until_idle $what
    reset halt
    halt
    set found [options_now]
    if {$found != $options} { stop "$what: option bytes read [hex $found], wanted [hex $options]; run this again" }
}

# A board that was made before, or half made, is opened first: a protected sector cannot be written.
proc open_chip {} {
    set options [options_now]
    set rdp [rdp_byte $options]
    if {$rdp == 0xCC} { stop "the chip is at readout level 2: nothing can change it any more" }
    if {$rdp != 0xAA && !$::erase_locked} {
        stop "the chip is at readout level 1: give --erase-locked to erase it and make it anew; nothing was written"
    }
    if {$options != $::options_open} {
        say "opening the chip (option bytes were [hex $options])"
        write_options $::options_open "opening the chip"
    }
}

# --- contents ---

proc write_parts {} {
    say "erasing the flash"
    flash erase_sector 0 0 $::last_sector
    foreach part $::parts {
        lassign $part name file address words
        say "writing $name: [expr {4 * [llength $words]}] bytes at [hex $address]"
        flash write_image $file $address bin
    }
}

proc verify_parts {} {
    foreach part $::parts {
        lassign $part name file address words
        foreach word $words {
            set found [mrw $address]
            if {($found & 0xFFFFFFFF) != ($word & 0xFFFFFFFF)} {
                stop "$name at [hex $address] reads [hex $found], wanted [hex $word]: nothing was locked; run this again"
            }
            incr address 4
        }
        lappend ::verified $name
        say "$name read back: all [llength $words] words are right"
    }
}

proc epoch_address {i} { return [expr {$::OTP_BASE + 4 * $i}] }

# The root counts the bytes of block 0 that are not 0xFF (docs/spec/boot.md).
proc epoch_now {} {
    set n 0
    for {set i 0} {$i < $::OTP_WORDS} {incr i} {
        set word [mrw [epoch_address $i]]
        foreach shift {0 8 16 24} {
            if {(($word >> $shift) & 0xFF) != 0xFF} { incr n }
        }
    }
    return $n
}

# Word i of block 0 for the epoch of the job: its first bytes 0, the others 0xFF.
proc epoch_word {i} {
    set n [expr {$::epoch - 4 * $i}]
    if {$n > 4} { set n 4 }
    if {$n < 0} { set n 0 }
    return [expr {(0xFFFFFFFF << (8 * $n)) & 0xFFFFFFFF}]
}

# Nothing is programmed before all eight words are known to take it: one-time memory cannot be erased (RM0090 3.8).
proc check_epoch {} {
    set found [epoch_now]
    if {$found > $::epoch} {
        stop "one-time memory holds epoch $found, the job wants $::epoch: an epoch cannot be lowered; nothing was locked"
    }
    for {set i 0} {$i < $::OTP_WORDS} {incr i} {
        set word [mrw [epoch_address $i]]
        set wanted [epoch_word $i]
        if {($word & $wanted) != $wanted} {
            stop "one-time memory at [hex [epoch_address $i]] reads [hex $word], epoch $::epoch is [hex $wanted] there: a bit that\
 is 0 stays 0, so that this chip cannot get this epoch; nothing was locked"
        }
    }
}

# Word by word. A run that was cut may have left a word half programmed, or right and weak. So each word of the epoch is programmed
# again by each run: without an erase, RM0090 3.6.4 allows to change bits from 1 to 0, and this changes no bit the other way.
proc write_epoch {} {
    check_epoch
    if {$::epoch > 0} {
        if {[mrw $::FLASH_CR] & $::CR_LOCK} {
            mww $::FLASH_KEYR 0x45670123
            mww $::FLASH_KEYR 0xCDEF89AB
        }
        for {set i 0} {4 * $i < $::epoch} {incr i} {
            mww $::FLASH_CR $::CR_PG_X32
            mww [epoch_address $i] [epoch_word $i]
            wait_until_idle "word $i of the epoch"
        }
        mww $::FLASH_CR $::CR_LOCK
    }
    for {set i 0} {$i < $::OTP_WORDS} {incr i} {
        set word [mrw [epoch_address $i]]
        if {($word & 0xFFFFFFFF) != [epoch_word $i]} {
            stop "one-time memory at [hex [epoch_address $i]] reads [hex $word], wanted [hex [epoch_word $i]]: nothing was locked; run this\
 again"
        }
    }
    lappend ::verified epoch
    say "epoch read back: [epoch_now]"
}

# --- locking ---

# The one place that protects anything. It does not trust its caller.
proc lock_chip {} {
    foreach name {root loader image epoch} {
        if {[lsearch -exact $::verified $name] < 0} { stop "$name was not verified: nothing was locked" }
    }
    if {$::level == 2 && $::level_2_for_ever != 1} {
        stop "readout level 2 can never be undone: give --for-ever with it; nothing was locked"
    }
    write_options $::options_shut $::wishes
    say "option bytes read back: $::wishes"
    if {$::level == 0} { return }
    set rdp [expr {$::level == 2 ? 0xCC : 0x55}]
    write_options [expr {($::options_shut & ~0xFF00) | ($rdp << 8)}] "readout level $::level"
    say "option bytes read back: readout level $::level"
}

proc provision {} {
    if {[lsearch -exact {0 1 2} $::level] < 0} { stop "readout level is 0, 1 or 2, not $::level: nothing was written" }
    if {$::level == 2 && $::level_2_for_ever != 1} {
        stop "readout level 2 can never be undone: give --for-ever with it; nothing was written"
    }
    reset halt
    halt
    check_chip
    open_chip
    check_epoch
    write_parts
    verify_parts
    write_epoch
    lock_chip
    reset run
    say "done; switch the supply off and on: from then on INFO shows these option bytes"
}

provision
