/* make bench: measure, print a table, keep build/bench.json. */
#include <stdio.h>
#include <stdlib.h>

#include "bench.h"

int main(void)
{
    (void)printf("\nvirtual time, flash typical (DS8626 table 40, x32)\n\n");
    update_measure();
    rom_measure();
    boot_measure();
    crypto_measure();
    echo_measure();
    noise_measure();
    fuzz_measure();
    sizes_measure();
    cuts_measure();
    figures_write();
    (void)printf("\n  figures as JSON: build/bench.json\n");
    return EXIT_SUCCESS;
}
