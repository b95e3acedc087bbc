/**
 * Private to the model of SPI1: its registers and state, what slave (spi.c) and master (spi_master.c) share,
 * and what the registers ask of the master.
 */
#ifndef DEV_SPI_PRIV_H
#define DEV_SPI_PRIV_H

#include "bus/dev.h"

enum spi_reg {
    CR1 = 0x00,
    CR2 = 0x04,
    SR = 0x08,
    DR = 0x0C,
    CRCPR = 0x10,
    RXCRCR = 0x14,
    TXCRCR = 0x18,
    I2SCFGR = 0x1C,
    I2SPR = 0x20
};

enum spi_cr1 {
    CR1_CPHA = 1 << 0,
    CR1_CPOL = 1 << 1,
    CR1_MSTR = 1 << 2,
    CR1_BR_SHIFT = 3,
    CR1_BR = 7 << 3,
    CR1_SPE = 1 << 6,
    CR1_LSBFIRST = 1 << 7,
    CR1_SSI = 1 << 8,
    CR1_SSM = 1 << 9,
    CR1_RXONLY = 1 << 10,
    CR1_DFF = 1 << 11,
    CR1_CRCNEXT = 1 << 12,
    CR1_CRCEN = 1 << 13,
    CR1_BIDIMODE = 1 << 15,
    CR1_UNMODELLED = CR1_RXONLY | CR1_CRCNEXT | CR1_CRCEN | CR1_BIDIMODE,
    CR1_FROZEN = CR1_CPHA | CR1_CPOL | CR1_MSTR | CR1_LSBFIRST | CR1_DFF /* while SPE = 1 */
};

enum spi_cr2 {
    CR2_RXDMAEN = 1 << 0,
    CR2_TXDMAEN = 1 << 1,
    CR2_SSOE = 1 << 2,
    CR2_FRF = 1 << 4,
    CR2_ERRIE = 1 << 5,
    CR2_RXNEIE = 1 << 6,
    CR2_TXEIE = 1 << 7,
    CR2_ALL = 0xF7
};

enum spi_sr { SR_RXNE = 1 << 0, SR_TXE = 1 << 1, SR_MODF = 1 << 5, SR_OVR = 1 << 6, SR_BSY = 1 << 7 };

enum {
    SPI1_BASE = 0x40013000,
    SPI1_IRQ = 35,
    SPI1_CLOCK_BUS = 3, /* RCC_APB2ENR.SPI1EN */
    SPI1_CLOCK_BIT = 12,
    DMA_CONTROLLER = 2, /* RM0090 table 43 */
    DMA_CHANNEL = 3,
    PIN_NSS = 4,
    PIN_SCK = 5,
    PIN_MISO = 6,
    PIN_MOSI = 7,
    PIN_FUNCTION = 5,
    CRCPR_RESET = 7,
    BSY_STUCK_EVERY = 16 /* frames of a slave */
};

struct spi_state {
    uint64_t begin_ps;  /* first edge of the byte on the wires */
    uint64_t opened_ps; /* since when this slave hears the clock */
    uint64_t closed_ps; /* until when; UINT64_MAX: still does */
    uint32_t cr1, cr2, sr, crcpr;
    uint32_t frames;
    uint8_t tx_buffer, rx_buffer;
    uint8_t tx_shift; /* byte going out, or the last that went */
    uint8_t rx_shift;
    uint8_t n_bits; /* bits of the present frame done: 0 between bytes unless the slave slipped */
    bool loaded;    /* tx_shift holds this frame's byte */
    bool in_byte;
    bool hears;   /* SPE, NSS and pins let the clock in */
    bool dr_read; /* first half of clearing OVR */
    bool sr_read; /* first half of clearing MODF */
    bool bsy_stuck;
    bool disabled_full; /* SPE went 0 with a byte in the transmit buffer */
    bool is_sending;    /* master: a byte is on the wires */
    bool told_mode, told_speed, told_pins;
    bool dma_rx, dma_tx;
};

struct spi {
    struct dev dev;
    struct spi_state state;
    unsigned sent_event; /* master: end of the byte */
};

/* --- pins, flags and bytes; here, because the slave passes through them for each byte --- */

/** Is this pin of port A given to SPI1? */
static inline bool spi_has_pin(const struct spi *p, unsigned pin)
{
    unsigned function = 0;
    return chip_pin_function(p->dev.chip, 'A', pin, &function) && function == PIN_FUNCTION;
}

/** NSS as the peripheral sees it: CR1.SSI, or the pin. */
static inline bool spi_nss_low(const struct spi *p)
{
    if (p->state.cr1 & CR1_SSM) {
        return !(p->state.cr1 & CR1_SSI);
    }
    return spi_has_pin(p, PIN_NSS) && !chip_pin_level(p->dev.chip, 'A', PIN_NSS);
}

/** Transmit buffer to shift register. Nothing new: the old byte stays there. */
static inline void spi_load_shift(struct spi_state *s)
{
    if (!(s->sr & SR_TXE)) {
        s->tx_shift = s->tx_buffer;
        s->sr |= SR_TXE;
        s->disabled_full = false;
    }
    s->loaded = true;
}

/** A whole byte arrived, as DR will show it. */
static inline void spi_receive(struct spi_state *s, uint8_t byte)
{
    if (s->sr & SR_RXNE) {
        s->sr |= SR_OVR; /* DR keeps the old byte (RM0090 28.3.10) */
        s->dr_read = false;
    } else {
        s->rx_buffer = byte;
        s->sr |= SR_RXNE;
    }
}

/* --- spi_flags.c --- */

/** Interrupt and DMA lines follow the flags. A request may be served inside the call, which comes back in
 * here. */
void spi_update(struct spi *p);
/** A reset: no request stands. */
void spi_drop_requests(struct spi *p);
/** The same byte, the other end first. */
uint8_t spi_reversed(uint8_t byte);

/* --- spi_master.c --- */

/** Its event; once, while the board is built. */
void spi_master_attach(struct spi *p);
/** DR was written or SPE set: a byte begins, if the peripheral is an enabled master with nothing on the wires. */
void spi_master_start(struct spi *p);
/** SPE or MSTR went 0, or a reset: what is on the wires is not received. */
void spi_master_stop(struct spi *p);
/** SPE rises with MSTR: what this model refuses. */
void spi_master_check(struct spi *p);

#endif
