#include "f407/spi_slave.h"

#include <string.h>

#include "spi_slave_regs.h"

enum {
    PINS_SHIFT = 2 * BOARD_SPI_PIN, /* of the registers with two bits a pin */
    PINS_MASK = 0xFF << PINS_SHIFT, /* NSS, SCK, MISO and MOSI follow each other */
    AFR_SHIFT = 4 * BOARD_SPI_PIN,  /* of the register with four bits a pin */
    PINS_ALTERNATE = 0xAA,          /* four times 10 */
    PINS_PULLS = 0x89, /* NSS up (not selected without a host); SCK down (idle level of mode 0), MISO none,
                          MOSI down */
    PINS_SPEED_MEDIUM = 0x10 /* MISO: enough for 25 MHz; faster edges ring on wires */
};

#define AFR_MASK (0xFFFFU << AFR_SHIFT)
#define AFR_SPI1 (0x5555U << AFR_SHIFT) /* four times function 5 */
_Static_assert(BOARD_SPI_PIN <= 4, "all four pins are in AFR[0]");

static void enable_clocks(void)
{
    RCC->AHB1ENR |= BOARD_SPI_CLOCK | RCC_AHB1ENR_DMA2EN;
    RCC->APB2ENR |= RCC_APB2ENR_SPI1EN;
    (void)RCC->AHB1ENR; /* ES0182: a delay after enabling a peripheral clock */
    (void)RCC->APB2ENR;
    __DSB();
}

static void set_pins(void)
{
    /* The function is chosen before the mode is switched to it: a pin must not drive the wires with
     * another function for a moment. The port's other pins keep their settings. */
    BOARD_SPI_PORT->AFR[0] = (BOARD_SPI_PORT->AFR[0] & ~AFR_MASK) | AFR_SPI1;
    BOARD_SPI_PORT->OSPEEDR =
        (BOARD_SPI_PORT->OSPEEDR & ~(uint32_t)PINS_MASK) | (PINS_SPEED_MEDIUM << PINS_SHIFT);
    BOARD_SPI_PORT->PUPDR = (BOARD_SPI_PORT->PUPDR & ~(uint32_t)PINS_MASK) | (PINS_PULLS << PINS_SHIFT);
    BOARD_SPI_PORT->MODER = (BOARD_SPI_PORT->MODER & ~(uint32_t)PINS_MASK) | (PINS_ALTERNATE << PINS_SHIFT);
}

static void reset_spi(void)
{
    RCC->APB2RSTR |= RCC_APB2RSTR_SPI1RST;
    RCC->APB2RSTR &= ~RCC_APB2RSTR_SPI1RST;
}

/* Out of line: the handler has its own copy in RAM. */
static void play(struct spi_slave *spi, bool is_data)
{
    spi_tx_play(spi, is_data);
}

/*
 * Start SPI1 from its reset state, and continue with what was being sent.
 *
 * A reset of the peripheral is the only way to set its bit counter to zero: a glitch on SCK shifts all later
 * bytes by a bit, and clearing SPE does not mend that. The order of the steps matters:
 *
 * 1. Reset SPI1. From here on no byte can call the handler, so nothing below races with it.
 * 2. Prepare the transmit stream. Bytes of a reply that have left are not sent a second time.
 * 3. Enable DMA requests, then the peripheral (RM0090 28.3.9): the stream fills the data register at once.
 * 4. Wait until it has. Only then is the first byte that a host clocks out a byte of ours. The wait is
 *    bounded: without a clock for DMA2 it would not end, and the host's timeout finds that.
 * 5. If no reply was under way, present the answer again, because its first bytes may have left already.
 */
static void start_spi(struct spi_slave *spi)
{
    unsigned n_loops = 0;
    reset_spi(); /* from here on no byte calls the handler, and who is armed stays so */
    uint32_t cr2 = spi->is_armed ? SPI_CR2_TXDMAEN | SPI_CR2_RXNEIE : SPI_CR2_TXDMAEN | SPI_CR2_RXDMAEN;
    play(spi, spi_slave_is_sending(spi)); /* data that has left is not sent again */
    SPI1->CR2 = cr2;
    SPI1->CR1 = SPI_CR1_SPE; /* slave, 8 bits, MSB first, mode 0, NSS by hardware: all other bits 0 */
    while ((SPI1->SR & SPI_SR_TXE) != 0 && n_loops++ < DMA_DISABLE_MAX_LOOPS) { /* the first byte */
    }
    spi_is_between_bytes(spi);
    if (!spi->is_sending) {
        spi_slave_present(spi, spi->answer); /* from its beginning, whatever has left */
    }
}

/* Received bytes go to a ring in RAM by DMA, so that none is lost while the core is busy. The stream must be
 * off, and its flags cleared, before it is set up (RM0090 10.3.17). */
static void start_ring(struct spi_slave *spi)
{
    spi_stream_off(DMA2_Stream0);
    DMA2->LIFCR = SPI_RX_FLAGS;
    DMA2_Stream0->PAR = (uint32_t)&SPI1->DR;
    DMA2_Stream0->M0AR = (uint32_t)spi->ring;
    DMA2_Stream0->NDTR = SPI_SLAVE_RING_BYTES;
    DMA2_Stream0->CR = SPI_RX_STREAM_CR | DMA_SxCR_EN;
}

void spi_slave_init(struct spi_slave *spi)
{
    memset(spi, 0, sizeof *spi);
    for (unsigned i = 0; i < sizeof spi->pattern; i++) {
        spi->pattern[i] = SPI_FILLER;
    }
    spi->answer = SPI_FILLER;
    enable_clocks();
    set_pins();
    start_ring(spi);
    DMA2_Stream3->PAR = (uint32_t)&SPI1->DR;
    start_spi(spi);
}

void spi_slave_stop(struct spi_slave *spi)
{
    spi->is_sending = false;
    reset_spi();
    spi_stream_off(DMA2_Stream0);
    spi_stream_off(DMA2_Stream3);
    RCC->AHB1RSTR |= RCC_AHB1RSTR_DMA2RST;
    RCC->AHB1RSTR &= ~RCC_AHB1RSTR_DMA2RST;
    BOARD_SPI_PORT->MODER &= ~(uint32_t)PINS_MASK;
    BOARD_SPI_PORT->PUPDR &= ~(uint32_t)PINS_MASK;
    BOARD_SPI_PORT->OSPEEDR &= ~(uint32_t)PINS_MASK;
    BOARD_SPI_PORT->AFR[0] &= ~AFR_MASK;
    RCC->APB2ENR &= ~RCC_APB2ENR_SPI1EN;
    RCC->AHB1ENR &= ~RCC_AHB1ENR_DMA2EN;
}

size_t spi_slave_receive(void *ctx, uint8_t *bytes, size_t n_bytes)
{
    struct spi_slave *spi = ctx;
    if (spi->is_sending && (DMA2->LISR & DMA_LISR_TCIF3)) {
        play(spi, false);
    }
    return spi_copy_ring(spi, bytes, n_bytes, spi_write_pos());
}

/* Forget what was received: reading goes on where DMA writes next. */
void spi_slave_discard(void *ctx)
{
    struct spi_slave *spi = ctx;
    spi->read_pos = spi_write_pos();
}

/*
 * Show an answer until the host has seen it. The stream plays `pattern` in a circle; the pattern has the
 * answer at two of five places, and the header says why. Whether the host is in the middle of a byte decides
 * where the pattern begins: that byte is already in the shift register and cannot be changed, so the next one
 * is the first that we choose.
 */
void spi_slave_present(void *ctx, uint8_t answer)
{
    static const bool has_answer[] = {true, false, true, false, false};
    const unsigned period = sizeof has_answer;
    struct spi_slave *spi = ctx;
    spi_stream_off(DMA2_Stream3); /* what is counted now stays so */
    unsigned is_in_byte = spi_is_in_byte(spi);
    spi_fill(spi);
    if (answer != SPI_FILLER) {
        spi->answer = answer;
        for (unsigned i = 0; i < sizeof spi->pattern; i++) {
            spi->pattern[i] = has_answer[(i + is_in_byte) % period] ? answer : SPI_FILLER;
        }
    }
    if (is_in_byte) { /* the first byte after the host's last is on the wires */
        spi_put_next(answer);
    }
    play(spi, false);
}

/*
 * Put an ACK where a host looks for it that sends its sync byte and reads the answer at once. It may already
 * be clocking the next byte while we are here. So look at the write position, act, and look again: if it
 * moved in between, the ACK came too late for that byte and would stand where the host expects a filler.
 */
void spi_slave_greet(void *ctx)
{
    struct spi_slave *spi = ctx;
    uint16_t pos = spi->read_pos;
    spi_stream_off(DMA2_Stream3);
    if (spi_write_pos() == pos && spi_is_in_byte(spi)) {
        spi_put_next(SPI_ACK);
        if (spi_write_pos() != pos) { /* the host was faster, and this is the first byte after its frame */
            spi_put_next(SPI_FILLER);
        }
    } else if (spi_write_pos() == pos) {
        spi->pattern[0] = SPI_ACK;
    }
    play(spi, false);
}

/* Send a reply once. `bytes` must stay as they are until spi_slave_is_sending is false: DMA reads them. */
void spi_slave_send(void *ctx, const uint8_t *bytes, size_t n_bytes)
{
    struct spi_slave *spi = ctx;
    spi->data = bytes;
    spi->n_data_bytes = (uint16_t)n_bytes;
    spi_fill(spi);
    play(spi, true);
}

bool spi_slave_is_sending(void *ctx)
{
    const struct spi_slave *spi = ctx;
    return spi->is_sending && DMA2_Stream3->NDTR > 0;
}

void spi_slave_resync(void *ctx)
{
    start_spi(ctx);
}

bool spi_slave_is_selected(void *ctx)
{
    (void)ctx;
    return (BOARD_SPI_PORT->IDR & NSS_PIN) == 0;
}
