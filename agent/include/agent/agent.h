/**
 * The agent: receives updates inside the running application, over SPI1 (docs/spec/link.md), into the
 * inactive slot.
 *
 * What the application does, as a whole program (outside_fresh compiles these lines as they stand):
 *
 *     #include "agent/agent.h"
 *     #include "stm32f407xx.h"
 *
 *     static struct agent agent; // in SRAM, not in CCM
 *     static AGENT_RAM_VECTORS uint32_t vectors[AGENT_VECTORS];
 *     static volatile uint32_t ticks; // of 1 ms
 *
 *     AGENT_RAM_CODE void SysTick_Handler(void)         { ticks++; }
 *     AGENT_RAM_CODE void SPI1_IRQHandler(void)         { agent_irq(&agent); }
 *     AGENT_RAM_CODE void DMA2_Stream3_IRQHandler(void) { agent_irq(&agent); }
 *
 *     static uint32_t now_ms(void *ctx) { (void)ctx; return ticks; }
 *     static bool is_healthy(void)      { return ticks > 1000; } // yours asks its sensors
 *
 *     int main(void)
 *     {
 *         struct agent_config config = {.now_ms = now_ms, .spi_priority = 1,
 *                                       .masked_priority = 2, .confirm_within_ms = 3000};
 *         enum fota_err err = FOTA_OK;
 *         agent_vectors_to_ram(vectors);
 *         SysTick_Config(SystemCoreClock / 1000);
 *         NVIC_SetPriority(SysTick_IRQn, 0);
 *         if (agent_init(&agent, &config) != FOTA_OK) { NVIC_SystemReset(); }
 *         for (;;) {
 *             agent_poll(&agent);
 *             if (agent_is_on_trial(&agent) && is_healthy()) { err = agent_confirm(&agent); }
 *             if (err != FOTA_OK) { NVIC_SystemReset(); } // the root counts the trial
 *         }
 *     }
 *
 * What keeps running. The chip has one flash bank: while a word is programmed (16 us) or a sector erased (1
 * to 2 s), every fetch from flash waits (RM0090 3.6), the main loop too. Interrupts that must not wait need
 * their handler and all it calls in AGENT_RAM_CODE, their constants in AGENT_RAM_DATA, the vector table in
 * RAM, and a priority more urgent than `masked_priority`. All others are held back during flash work, and run
 * after it.
 *
 * The agent's own handler must turn from an ACK to the data after it while the host pauses: hosts leave 15 us
 * there (AN4286; ours too, LINK_ECHO_GAP_US), the handler needs 2 us of them at most. So interrupts that are
 * as urgent as spi_priority or more may run for 10 us in a row, and no code may keep interrupts masked for
 * longer; else the host reads A5 instead of data now and then, and asks again. All other bytes wait in a ring
 * of 8 KB.
 *
 * What the agent uses: SPI1, DMA2 streams 0 and 3, PA4..PA7, their two interrupts, the independent watchdog's
 * key register, the CRC unit inside agent_poll, and flash only through the boot services. (An interrupt
 * handler that uses the CRC unit in between makes the agent refuse a good block now and then, which is sent
 * again.) No heap, no state of its own: all is in struct agent.
 */
#ifndef AGENT_AGENT_H
#define AGENT_AGENT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "f407/spi_slave.h"
#include "link/link_pump.h"
#include "update/boot_services.h"

/**
 * A function that runs from RAM. It may call only such functions; `switch` tables and literals come along.
 */
#define AGENT_RAM_CODE __attribute__((section(".ram_code"), noinline))

/** Constants that such a function reads: they would be in flash otherwise. Variables are in RAM anyway. */
#define AGENT_RAM_DATA __attribute__((section(".data.ram_const")))

/** Vector table in RAM: VTOR wants it aligned to the next power of two (PM0214 4.4.4). */
#define AGENT_RAM_VECTORS __attribute__((aligned(512)))

enum {
    AGENT_VECTORS = 98, /* 16 of the core and 82 of the STM32F407 (RM0090 table 62) */
    AGENT_CHUNK_WORDS =
        80, /* of program work per poll: 1.4 ms typical, 8 ms at the end of the flash's life */
    AGENT_PRIORITY_LEVELS = 16
};

struct agent_config {
    /**
     * May one sector be erased now? The main loop then stands still for up to 2 s (a journal sector of 16 KB
     * up to 0.5 s). Asked from agent_poll before each erase, whichever command needs it, and only when one is
     * needed: a new session, a block that opens a sector, FINISH, Go and ABORT that clear what an older image
     * left, and any of them when the journal is full. Answer for now: it is asked again. NULL: always.
     */
    bool (*may_erase)(void *ctx);
    /** May the chip be reset now, into the new image? NULL: always. */
    bool (*may_restart)(void *ctx);
    void *ctx;
    /** Milliseconds, wrapping at 2^32. May stand still during flash work, but should not. Never NULL. */
    uint32_t (*now_ms)(void *ctx);
    /** Interrupts of this NVIC priority value and above wait during flash work, 1..15. */
    uint32_t masked_priority;
    /** NVIC priority value of the agent's own handler, below masked_priority. */
    uint32_t spi_priority;
    /** Words programmed per poll, 1..1024; 0 means AGENT_CHUNK_WORDS. More: faster update, slower main loop.
     * A multiple of 16 lets the hash of the image run along while words are programmed. */
    uint32_t chunk_words;
    /** A trial run that is not confirmed by then ends with a reset. Must be below the trial's watchdog
     * time. */
    uint32_t confirm_within_ms;
    /** Refuse sessions without a release statement (E_UPDATE_PLAIN): a host of plain AN4286 can then erase
     * nothing. What it writes is verified in any case before it runs. */
    bool refuse_plain;
    /** Memory that the agent may use while a loader update is received: FLASH_LOADER_BYTES (16 KB), aligned
     * to 4, in RAM, not in use for anything else from BEGIN to the session's end. NULL: such an update is
     * refused (E_LOADER_MEMORY). */
    uint8_t *loader_memory;
    uint32_t loader_memory_bytes;
};

/** Private. One per application, in SRAM (about 17 KB). */
struct agent {
    struct spi_slave spi; /* first: DMA buffers */
    struct link_pump pump;
    struct agent_config config;
    const struct boot_services *services;
    uint32_t basepri;
    uint32_t started_ms;
    uint32_t loader_bytes; /* of the loader that is being received; 0 none */
    uint8_t running_slot;  /* enum slot */
    bool is_on_trial;      /* and not confirmed yet */
};

/**
 * Copy the vector table in use to RAM and use the copy from now on. Call it before interrupts that must
 * survive flash work are enabled.
 *
 * @param vectors  in SRAM, AGENT_RAM_VECTORS; the handlers it names must be AGENT_RAM_CODE where they must
 * not wait
 */
void agent_vectors_to_ram(uint32_t vectors[AGENT_VECTORS]);

/**
 * Find the boot services, open SPI1, note whether this is a trial run. From then on the agent answers a host.
 *
 * Takes:      ≤ 2 ms
 * @return FOTA_OK · E_ARG (a priority out of range, now_ms NULL) · E_UNSUPPORTED (no boot services of this
 * version: the root is missing, older or newer)
 */
FOTA_MUST_CHECK
enum fota_err agent_init(struct agent *agent, const struct agent_config *config);

/**
 * Move the update on, and feed the watchdog. Call it from the main loop as often as possible, and never from
 * an interrupt handler.
 *
 * The watchdog is fed from here only: an application whose main loop hangs is reset. During a trial it is fed
 * until confirm_within_ms; then the chip is reset.
 *
 * Takes:      ≤ 1.5 ms with AGENT_CHUNK_WORDS; one erase (≤ 2 s) when may_erase allows it, and never two in
 *             one call; ≤ 500 ms for each of begin, finish and hash, which happen once per update, and an
 *             erase on top if it was allowed. Interrupts go on during the last three.
 * Power cut:  the running image is never touched; the inactive slot cannot boot before it is activated
 */
void agent_poll(struct agent *agent);

/**
 * Confirm the running image: it is the one that boots from now on. Idempotent; does nothing if it is
 * confirmed. A confirmed image calls it once more when it has run for ten minutes: that sign of health ends a
 * count of crashes (docs/spec/boot.md).
 *
 * Takes:      ≤ 10 ms
 * Power cut:  either the trial goes on or the image is confirmed
 * @return FOTA_OK · E_STATE (the journal does not know this slot) · E_JOURNAL_FULL · flash errors
 */
FOTA_MUST_CHECK
enum fota_err agent_confirm(struct agent *agent);

/**
 * What the bootloader knows: slots, trial runs left, cause of the reset. Takes ≤ 1 ms.
 * @return FOTA_OK
 */
FOTA_MUST_CHECK
enum fota_err agent_info(const struct agent *agent, struct boot_info *out);

/** True while a host holds a session open, or a command or flash work is under way: a bad moment to sleep. */
bool agent_is_busy(const struct agent *agent);

/** True from a host's first valid command on, until it is gone (no byte for LINK_GONE_MS). */
bool agent_has_host(const struct agent *agent);

/** True if this run is a trial that waits for agent_confirm. */
bool agent_is_on_trial(const struct agent *agent);

/** Handler of SPI1 and of DMA2 stream 3. Runs from RAM, takes ≤ 2 us. */
AGENT_RAM_CODE void agent_irq(struct agent *agent);

#endif
