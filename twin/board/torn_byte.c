/* A byte whose clock the slave hears only in part. */
#include "board.h"

enum { BITS = 8 };

enum twin_stop twin_spi_torn_byte(struct twin *t, uint8_t mosi, uint8_t *miso, unsigned n_bits, uint32_t hz)
{
    uint64_t byte_ps = 8000000000000ULL / (hz ? hz : 1);
    uint64_t begin_ps = chip_now_ps(t->chip);
    uint8_t answer = t->s.mode == BOARD_OFF ? 0xFF : chip_spi_begin(t->chip);
    unsigned heard = n_bits < BITS ? n_bits : BITS;
    board_show_byte(t, byte_ps, mosi, answer);
    (void)board_run_until_ps(t, begin_ps + byte_ps * heard / BITS);
    twin_set_pin(t, TWIN_PIN_NSS, true);
    enum twin_stop stop = board_run_until_ps(t, begin_ps + byte_ps);
    if (t->s.mode != BOARD_OFF) {
        chip_spi_end(t->chip, mosi);
    }
    twin_set_pin(t, TWIN_PIN_NSS, false);
    t->s.spi_bytes++;
    *miso = (uint8_t)(answer | 0xFFU >> heard); /* a slave that is not selected leaves MISO to float */
    return stop;
}
