#include "spi_link.h"

#include "chip.h"
#include "stm32f407xx.h"

enum {
    PIN_NSS = 4,   /* port A; SCK, MISO, MOSI are 5, 6, 7 */
    PIN_NRST = 0,  /* port B */
    PIN_BOOT0 = 1, /* port B */
    BSRR_LOW = 16, /* the upper half clears (RM0090 8.4.7) */
    BR_MAX = 7,
    SAFE_HZ = 1000000,
    SAFE_GAP_US = 15,
    DMA_MIN_BYTES = 8, /* less is not worth the set-up */
    DMA_MAX_BYTES = 65535,
    PATIENCE_US = 1000 /* for what takes microseconds */
};

#define CR1_MASTER (SPI_CR1_MSTR | SPI_CR1_SSM | SPI_CR1_SSI)
#define DMA_CR     (3U << DMA_SxCR_CHSEL_Pos) /* channel 3 (RM0090 table 43) */
#define DMA_FLAGS_0                                                                                          \
    (DMA_LIFCR_CTCIF0 | DMA_LIFCR_CHTIF0 | DMA_LIFCR_CTEIF0 | DMA_LIFCR_CDMEIF0 | DMA_LIFCR_CFEIF0)
#define DMA_FLAGS_3                                                                                          \
    (DMA_LIFCR_CTCIF3 | DMA_LIFCR_CHTIF3 | DMA_LIFCR_CTEIF3 | DMA_LIFCR_CDMEIF3 | DMA_LIFCR_CFEIF3)

static struct spi_link *of(struct link_io *io)
{
    return (struct spi_link *)io; /* first member */
}

/* Bits of SR, for as long as a byte may take and no longer. */
static enum fota_err wait_for(uint32_t mask, uint32_t value, uint32_t patience_us)
{
    const uint64_t until_us = chip_now_us() + patience_us;
    while ((SPI1->SR & mask) != value) {
        if (chip_now_us() > until_us) {
            return E_IO;
        }
    }
    return FOTA_OK;
}

/* --- byte by byte: full duplex, each answer read before the next byte (RM0090 28.3.5) --- */

static enum fota_err transfer_byte(const struct spi_link *link, uint8_t mosi, uint8_t *miso)
{
    SPI1->DR = mosi;
    const enum fota_err err = wait_for(SPI_SR_RXNE, SPI_SR_RXNE, PATIENCE_US);
    *miso = (uint8_t)SPI1->DR;
    if (link->gap_us > 0) {
        chip_sleep_us(link->gap_us);
    }
    return err;
}

static enum fota_err transfer_bytes(const struct spi_link *link, const uint8_t *mosi, uint8_t *miso,
                                    size_t n_bytes)
{
    for (size_t i = 0; i < n_bytes; i++) {
        uint8_t got = 0;
        const enum fota_err err = transfer_byte(link, mosi ? mosi[i] : 0, &got);
        if (err) {
            return err;
        }
        if (miso) {
            miso[i] = got;
        }
    }
    return FOTA_OK;
}

/* --- by DMA (RM0090 28.3.9): receiving first, so that no answer is missed --- */

static void start_stream(DMA_Stream_TypeDef *stream, const volatile void *memory, size_t n_bytes, uint32_t cr)
{
    stream->PAR = (uint32_t)&SPI1->DR;
    stream->M0AR = (uint32_t)(uintptr_t)memory;
    stream->NDTR = (uint32_t)n_bytes;
    stream->CR = DMA_CR | cr;
    stream->CR = DMA_CR | cr | DMA_SxCR_EN;
}

static enum fota_err transfer_block(const struct spi_link *link, const uint8_t *mosi, uint8_t *miso,
                                    size_t n_bytes)
{
    static const uint8_t zero = 0;
    static volatile uint8_t dropped;
    const uint64_t until_us = chip_now_us() + (uint64_t)n_bytes * link->byte_ns / 500U + PATIENCE_US;
    enum fota_err err = FOTA_OK;
    DMA2->LIFCR = DMA_FLAGS_0 | DMA_FLAGS_3;
    start_stream(DMA2_Stream0, miso ? (const volatile void *)miso : &dropped, n_bytes,
                 miso ? DMA_SxCR_MINC : 0);
    start_stream(DMA2_Stream3, mosi ? mosi : &zero, n_bytes, (mosi ? DMA_SxCR_MINC : 0) | DMA_SxCR_DIR_0);
    SPI1->CR2 = SPI_CR2_RXDMAEN;
    SPI1->CR2 = SPI_CR2_RXDMAEN | SPI_CR2_TXDMAEN;
    while (!err && !(DMA2->LISR & DMA_LISR_TCIF0)) {
        err = (DMA2->LISR & (DMA_LISR_TEIF0 | DMA_LISR_TEIF3)) || chip_now_us() > until_us ? E_IO : FOTA_OK;
    }
    SPI1->CR2 = 0;
    DMA2_Stream3->CR = DMA_CR;
    DMA2_Stream0->CR = DMA_CR;
    return err ? err : wait_for(SPI_SR_BSY, 0, PATIENCE_US);
}

static enum fota_err transfer(struct link_io *io, const uint8_t *mosi, uint8_t *miso, size_t n_bytes)
{
    const struct spi_link *link = of(io);
    const bool is_block = link->gap_us == 0 && n_bytes >= DMA_MIN_BYTES && n_bytes <= DMA_MAX_BYTES;
    return is_block ? transfer_block(link, mosi, miso, n_bytes) : transfer_bytes(link, mosi, miso, n_bytes);
}

/* --- pins and clock --- */

static enum fota_err select_target(struct link_io *io, bool selected)
{
    (void)io;
    const enum fota_err err = wait_for(SPI_SR_BSY, 0, PATIENCE_US); /* the last byte belongs to the frame */
    GPIOA->BSRR = 1U << (selected ? PIN_NSS + BSRR_LOW : PIN_NSS);
    return err;
}

static enum fota_err set_nrst(struct link_io *io, bool low)
{
    (void)io;
    GPIOB->BSRR = 1U << (low ? PIN_NRST + BSRR_LOW : PIN_NRST);
    return FOTA_OK;
}

static enum fota_err set_boot0(struct link_io *io, bool high)
{
    (void)io;
    GPIOB->BSRR = 1U << (high ? PIN_BOOT0 : PIN_BOOT0 + BSRR_LOW);
    return FOTA_OK;
}

static enum fota_err set_clock(struct link_io *io, uint32_t hz, uint32_t byte_gap_us)
{
    uint32_t br = 0;
    while (br <= BR_MAX && (uint32_t)CHIP_PCLK2_HZ >> (br + 1) > hz) {
        br++;
    }
    if (br > BR_MAX) {
        return E_ARG; /* slower than this chip can, 0 Hz included */
    }
    const enum fota_err err = wait_for(SPI_SR_BSY, 0, PATIENCE_US);
    SPI1->CR1 =
        CR1_MASTER | br << SPI_CR1_BR_Pos; /* SPE comes after, and goes before (RM0090 28.3.3, 28.3.8) */
    SPI1->CR1 = CR1_MASTER | br << SPI_CR1_BR_Pos | SPI_CR1_SPE;
    of(io)->gap_us = byte_gap_us;
    of(io)->byte_ns = (16U << br) * (1000000000U / CHIP_PCLK2_HZ);
    return err;
}

static void delay_us(struct link_io *io, uint32_t us)
{
    (void)io;
    chip_sleep_us(us);
}

static uint64_t now_us(struct link_io *io)
{
    (void)io;
    return chip_now_us();
}

/* Levels before the pins become outputs, so that a start of the gateway does not reset its target. */
static void init_pins(void)
{
    RCC->AHB1ENR |= RCC_AHB1ENR_GPIOAEN | RCC_AHB1ENR_GPIOBEN | RCC_AHB1ENR_DMA2EN;
    RCC->APB2ENR |= RCC_APB2ENR_SPI1EN;
    (void)RCC->APB2ENR; /* erratum ES0182 2.1.13: a peripheral has its clock two cycles later */
    GPIOA->BSRR = 1U << PIN_NSS;
    GPIOB->BSRR = 1U << PIN_NRST | 1U << (PIN_BOOT0 + BSRR_LOW);
    GPIOB->OTYPER |= 1U << PIN_NRST;
    GPIOB->MODER = (GPIOB->MODER & ~0xFU) | 0x5U;
    GPIOA->AFR[0] = (GPIOA->AFR[0] & ~0xFFF00000U) | 0x55500000U;
    GPIOA->MODER = (GPIOA->MODER & ~0xFF00U) | 0xA900U;
}

void spi_link_init(struct spi_link *link)
{
    static const struct link_io_ops ops = {.transfer = transfer,
                                           .select = select_target,
                                           .set_nrst = set_nrst,
                                           .set_boot0 = set_boot0,
                                           .set_clock = set_clock,
                                           .delay_us = delay_us,
                                           .now_us = now_us};
    *link = (struct spi_link){.io = {.ops = &ops}};
    init_pins();
    (void)set_clock(&link->io, SAFE_HZ, SAFE_GAP_US); /* an idle SPI cannot refuse */
}
