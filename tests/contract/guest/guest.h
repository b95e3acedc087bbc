/**
 * What the contract guest and the host program that runs it in the twin agree on.
 */
#ifndef CONTRACT_GUEST_H
#define CONTRACT_GUEST_H

/* The guest calls a function at this address: r0 what, r1 argument. The host stops there, answers in r0 and
 * returns for it. */
#define GUEST_HOST_CALL 0x08000200U

enum guest_call {
    GUEST_CASE_BEGINS,  /* argument: address of its name */
    GUEST_CASE_ENDS,    /* argument: address of what was broken, or 0 */
    GUEST_NOW_US,       /* answer: time */
    GUEST_PROTECT,      /* argument: sector, bit 8: on */
    GUEST_STARVE,       /* argument: 1 supply too low, 0 good */
    GUEST_WEAR_OUT,     /* argument: sector, bit 8: on */
    GUEST_LARGE_SECTOR, /* what follows is on a sector of 128 KB */
    GUEST_ALL_DONE,
    GUEST_FAULT /* argument: exception number */
};

#endif
