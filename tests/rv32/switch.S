/* void rv32_switch(void (*f)(void *), void *ctx): call f on the other of two stacks.
 *
 * rv32_other_sp is where that stack was left. The one that is left now takes its place, so that f may switch back in its turn. */
    .section .text.rv32_switch, "ax"
    .globl rv32_switch
    .type rv32_switch, @function
rv32_switch:
    addi sp, sp, -16
    sw ra, 12(sp)
    sw s0, 8(sp)
    mv s0, sp
    la t0, rv32_other_sp
    lw sp, 0(t0)
    sw s0, 0(t0)
    mv t1, a0
    mv a0, a1
    jalr t1
    la t0, rv32_other_sp
    sw sp, 0(t0)
    mv sp, s0
    lw s0, 8(sp)
    lw ra, 12(sp)
    addi sp, sp, 16
    ret
    .size rv32_switch, . - rv32_switch

/* Where the program begins. Nothing to copy and nothing to clear: the loader did both. */
    .section .text.start, "ax"
    .globl _start
_start:
    .option push
    .option norelax
    la gp, __global_pointer$
    .option pop
    la sp, rv32_stack_top
    la tp, rv32_tls
    call main
    call exit
1:  j 1b
