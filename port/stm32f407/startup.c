#include "f407/startup.h"

#include <stdint.h>

#include "f407/reset.h"

/* Places set by boot.ld; only their addresses mean something. */
extern uint32_t boot_bss_start[];
extern uint32_t boot_bss_end[];
extern uint32_t boot_stack_bottom[];
extern uint32_t boot_stack_top[];

/* Keeps gcc from turning the loops below into calls of memset, which expects a finished start-up. */
#define NO_CALLS __attribute__((optimize("no-tree-loop-distribute-patterns")))

/* A fault or an exception that nobody asked for. The next boot finds a software reset. */
static void fault_handler(void)
{
    reset_chip();
}

NO_CALLS void reset_handler(void)
{
    /* All below this function's own frame is painted, so that the tests can see how deep the stack ever
     * was. main() never returns here; if it does, that is a fault as well. */
    uint32_t here;
    for (uint32_t *word = boot_stack_bottom; word < &here; word++) {
        *word = STARTUP_PAINT;
    }
    for (uint32_t *word = boot_bss_start; word < boot_bss_end; word++) {
        *word = 0;
    }
    main();
    reset_chip();
}

/* PM0214 2.3.4. An entry is an address or, the first, the stack. */
union vector {
    void (*handler)(void);
    uint32_t *stack;
};

/* Only the 16 vectors of the core: the root uses no interrupt of the chip. */
extern const union vector boot_vectors[16];
__attribute__((section(".boot_vectors"), used)) const union vector boot_vectors[16] = {
    {.stack = boot_stack_top},  {.handler = reset_handler}, {.handler = fault_handler},
    {.handler = fault_handler}, {.handler = fault_handler}, {.handler = fault_handler},
    {.handler = fault_handler}, {.handler = fault_handler}, {.handler = fault_handler},
    {.handler = fault_handler}, {.handler = fault_handler}, {.handler = fault_handler},
    {.handler = fault_handler}, {.handler = fault_handler}, {.handler = fault_handler},
    {.handler = fault_handler},
};
