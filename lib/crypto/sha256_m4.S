/* crypto_sha256_block (crypto.h) for Cortex-M4; sha256_block.c says the same in C. It runs from RAM with its constants
 * and touches nothing else.
 *
 * UMAAL with a factor of 1 adds three words at once. The 64 words of the schedule lie on the stack: a round pops its
 * word, so that what an interrupt pushes lies over used ones. The schedule comes first, two words a turn, because then
 * one instruction loads two. Stack: 296 bytes.
 *
 * The block before, and its schedule on the stack, may be equal to this one but for altered bytes: with one instruction
 * of the loads left out by a fault, it would be hashed in place of this one (fota-skip, docs/POWERCUT.md). So r1 must be
 * back at the start of the block after the loads. If it is not, the factor in lr is not 1, and the digest is wrong. */
    .syntax unified
    .thumb
    .section .ram_code, "ax", %progbits

/* Round (FIPS 180-4 6.2.2 step 3). The new a is left in d, the new e in h. `ab` becomes a ^ b, and `bc` has it from the
 * round before; it is used up. Sums of rotations are nested.    r6, r7 scratch    r12 next constant    lr 1 */
    .macro round a, b, c, d, e, f, g, h, ab, bc
    pop     {r6}
    ldr     r7, [r12], #4
    umaal   \h, r7, r6, lr
    and     r6, \e, \f
    bic     r7, \g, \e
    umaal   \h, r7, r6, lr
    eor     r6, \e, \e, ror #5
    eor     r6, r6, \e, ror #19
    add     \h, \h, r6, ror #6
    eor     \ab, \a, \b
    ands    \bc, \bc, \ab
    eors    \bc, \bc, \b
    add     r6, \h, \bc
    add     \h, \h, \d
    eor     r7, \a, \a, ror #11
    eor     r7, r7, \a, ror #20
    add     \d, r6, r7, ror #2
    .endm

/* Word of the schedule (6.2.2 step 1): w2, two words back, becomes the new one.
 * w16, w15, w7  words that far back; w16 is used up    r1, r10 scratch    lr 1 */
    .macro extend w2, w7, w15, w16
    eor     r10, \w15, \w15, ror #11
    lsrs    r1, \w15, #3
    eor     r1, r1, r10, ror #7
    umaal   \w16, r1, \w7, lr
    eor     r10, \w2, \w2, ror #2
    lsrs    r1, \w2, #10
    eor     r1, r1, r10, ror #17
    adds    \w2, \w16, r1
    .endm

    .global crypto_sha256_block
    .type crypto_sha256_block, %function
    .balign 4
crypto_sha256_block:
    push    {r0, r4-r11, lr}
    ldr     r2, [r0, #32] /* n_bytes, also of a block whose first bytes are counted already */
    orr     r2, r2, #63
    adds    r2, r2, #1
    str     r2, [r0, #32]
    sub     sp, sp, #256
    mov     r3, r1
    adds    r1, r1, #64
    add     r0, sp, #64
1:  ldr     r5, [r1, #-4]! /* any address: no ldrd */
    ldr     r4, [r1, #-4]!
    rev     r5, r5
    rev     r4, r4
    strd    r4, r5, [r0, #-8]!
    cmp     sp, r0
    bne     1b
    subs    r1, r1, r3
    add     lr, r1, #1
    add     r11, sp, #192
    ldrd    r4, r5, [sp, #56]
2:  ldrd    r6, r2, [r0], #8
    ldr     r3, [r0]
    ldrd    r8, r9, [r0, #28]
    extend  r4, r8, r2, r6
    extend  r5, r9, r3, r2
    strd    r4, r5, [r0, #56]
    cmp     r0, r11
    bne     2b
    ldr     r7, [sp, #256]
    ldmia   r7, {r0-r3, r8-r11}
    eor     r4, r1, r2
    adr     r12, constants
3:  round   r0, r1, r2, r3, r8, r9, r10, r11, r5, r4
    round   r3, r0, r1, r2, r11, r8, r9, r10, r4, r5
    round   r2, r3, r0, r1, r10, r11, r8, r9, r5, r4
    round   r1, r2, r3, r0, r9, r10, r11, r8, r4, r5
    adr     r6, constants_end
    cmp     r12, r6
    bne     3b
    pop     {r7}
    ldmia   r7, {r4-r6, r12}
    adds    r0, r0, r4
    adds    r1, r1, r5
    adds    r2, r2, r6
    add     r3, r3, r12
    stmia   r7!, {r0-r3}
    ldmia   r7, {r0-r3}
    add     r0, r0, r8
    add     r1, r1, r9
    add     r2, r2, r10
    add     r3, r3, r11
    stmia   r7, {r0-r3}
    pop     {r4-r11, pc}
    .size crypto_sha256_block, . - crypto_sha256_block

    .type constants, %object
    .balign 4
constants:
    .word 0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5
    .word 0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174
    .word 0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da
    .word 0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967
    .word 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85
    .word 0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070
    .word 0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3
    .word 0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2
constants_end:
    .size constants, . - constants
