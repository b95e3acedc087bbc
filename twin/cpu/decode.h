/** Between the files of the decoder. */
#ifndef CPU_DECODE_H
#define CPU_DECODE_H

#include "exec.h"

static inline void decode_undefined(struct op *op)
{
    op->fn = exec_undefined;
}

static inline void decode_unpredictable(struct op *op)
{
    op->fn = exec_unpredictable;
}

/** 32-bit encodings; op->x holds the length already. */
void decode32(uint32_t pc, uint32_t hw1, uint32_t hw2, struct op *op);
/** Multiply, divide, DSP: hw1 = 1111 1010 .... and 1111 1011 .... */
void decode32_dsp(uint32_t hw1, uint32_t hw2, struct op *op);
/** Coprocessor space, i.e. the FPU. */
void decode32_fp(uint32_t pc, uint32_t hw1, uint32_t hw2, struct op *op);

#endif
