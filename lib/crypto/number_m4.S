    .syntax unified
    .thumb
    .text

/* Row: T = (T + a[i] * b + f * p) / 2^32, f = the limb that has to go. f * p is -f at limb 0, f at limbs 3 and 6, and
 * (2^32 - 1) * f at limb 7.
 * r4-r11, r12  T, nine limbs    r1 a    r3 a[i], then f    r0, r2, lr  scratch
 * [sp] b, [sp, 32] out, [sp, 36] end of a */
    .global number_multiply
    .type number_multiply, %function
    .balign 4
number_multiply:
    add     r3, r1, #32
    push    {r0, r3, r4-r11, lr}
    ldmia   r2, {r4-r11}
    push    {r4-r11}
    movs    r4, #0
    movs    r5, #0
    movs    r6, #0
    movs    r7, #0
    mov     r8, r4
    mov     r9, r4
    mov     r10, r4
    mov     r11, r4
    mov     r12, r4
1:  ldr     r3, [r1], #4
    movs    r2, #0
    ldrd    r0, lr, [sp]
    umaal   r4, r2, r3, r0
    umaal   r5, r2, r3, lr
    ldrd    r0, lr, [sp, #8]
    umaal   r6, r2, r3, r0
    umaal   r7, r2, r3, lr
    ldrd    r0, lr, [sp, #16]
    umaal   r8, r2, r3, r0
    umaal   r9, r2, r3, lr
    ldrd    r0, lr, [sp, #24]
    umaal   r10, r2, r3, r0
    umaal   r11, r2, r3, lr
    movs    r0, #0
    umaal   r12, r2, r3, r0
    mov     r3, r4
    mov     r4, r5
    mov     r5, r6
    rsbs    r0, r3, #0
    sbc     lr, r3, #0
    adds    r6, r7, r3
    adcs    r7, r8, #0
    adcs    r8, r9, #0
    adcs    r9, r10, r3
    adcs    r10, r11, r0
    adcs    r11, r12, lr
    adc     r12, r2, #0
    ldr     r2, [sp, #36]
    cmp     r1, r2
    bne     1b
    add     sp, sp, #32
    pop     {r0, r3}
    stmia   r0, {r4-r11}
    adds    r4, r4, #1
    sbcs    r5, r5, #-1
    sbcs    r6, r6, #-1
    sbcs    r7, r7, #0
    sbcs    r8, r8, #0
    sbcs    r9, r9, #0
    sbcs    r10, r10, #1
    sbcs    r11, r11, #-1
    sbcs    r12, r12, #0
    it      cs
    stmiacs r0, {r4-r11}
    pop     {r4-r11, pc}
    .size number_multiply, . - number_multiply

/* r3, r4 limbs of a    r5, r6 limbs of b    r7 end of a. Carry flag between. */
    .macro limbs operation
    ldmia   r1!, {r3, r4}
    ldmia   r2!, {r5, r6}
    \operation r3, r3, r5
    \operation r4, r4, r6
    stmia   r0!, {r3, r4}
    teq     r1, r7
    .endm

    .global number_add
    .type number_add, %function
number_add:
    push    {r4-r7, lr}
    adds    r7, r1, #32 /* no carry */
2:  limbs   adcs
    bne     2b
    movs    r0, #0
    adcs    r0, r0, r0
    pop     {r4-r7, pc}
    .size number_add, . - number_add

    .global number_subtract
    .type number_subtract, %function
number_subtract:
    push    {r4-r7, lr}
    add     r7, r1, #32
    cmp     r1, r1 /* no borrow */
3:  limbs   sbcs
    bne     3b
    sbcs    r0, r0, r0
    negs    r0, r0
    pop     {r4-r7, pc}
    .size number_subtract, . - number_subtract
