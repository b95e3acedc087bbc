#include "agent/agent.h"

#include <string.h>

#include "base/flash_map.h"
#include "stm32f407xx.h"
#include "update/info.h"
#include "update/offer.h"

enum { IWDG_KEY_FEED = 0xAAAA };

/* --- update operations: boot services, with the application's permissions ---------------------------- */

static void feed(void)
{
    IWDG->KR = IWDG_KEY_FEED; /* without effect if the watchdog does not run */
}

static enum fota_err ask_root(const struct boot_services *services, struct boot_view *out)
{
    const struct boot_call call = {.op = BOOT_OP_INFO, .out = out};
    return services->call(&call);
}

/* What the root knows, and what the headers of images say. */
static enum fota_err tell(const struct agent *agent, struct boot_info *out)
{
    static const struct update_images images = {
        .slot = {(const uint8_t *)FLASH_SLOT_A_BASE, (const uint8_t *)FLASH_SLOT_B_BASE},
        .slot_bytes = FLASH_SLOT_BYTES,
        .loader = (const uint8_t *)FLASH_LOADER_BASE,
        .loader_bytes = FLASH_LOADER_BYTES,
        .options = &FLASH->OPTCR,
    };
    const struct boot_services *services = agent->services;
    struct boot_view view;
    enum fota_err err = ask_root(services, &view);
    if (err == FOTA_OK) {
        boot_info_of_view(&view, services->bootloader_version, services->hw_id, out);
        update_tell_of_images(&images, out);
    }
    return err;
}

static enum fota_err op_info(void *ctx, struct boot_info *out)
{
    return tell(ctx, out);
}

/*
 * Without permission first: most calls need no erase. A service that does says E_UPDATE_BUSY, has lost
 * nothing, and is called again if the application allows it; one erase each time, so that the application is
 * asked for each.
 */
static enum fota_err run_call(struct agent *agent, struct boot_call *call)
{
    call->options = agent->basepri;
    enum fota_err err = agent->services->call(call);
    if (err != E_UPDATE_BUSY) {
        return err;
    }
    if (agent->config.may_erase && !agent->config.may_erase(agent->config.ctx)) {
        return E_UPDATE_BUSY;
    }
    feed(); /* 2 s without a chance to do so */
    call->options = agent->basepri | BOOT_MAY_ERASE;
    err = agent->services->call(call);
    if (err == E_UPDATE_BUSY) {
        link_pump_progressed(&agent->pump); /* one erase is done, and the next is needed */
    }
    return err;
}

/* The root checks signatures, because it has the keys and knows which of them has ended. The agent only
 * hands it the text. */
static enum fota_err check_signature(void *ctx, const uint8_t key_id[STATEMENT_KEY_ID_BYTES],
                                     const uint8_t *text, size_t n_bytes, const uint8_t *der,
                                     size_t n_der_bytes)
{
    const struct agent *agent = ctx;
    const struct boot_call call = {.op = BOOT_OP_CHECK_SIGNATURE,
                                   .bytes = text,
                                   .n = (uint32_t)n_bytes,
                                   .key_id = key_id,
                                   .der = der,
                                   .n_der = (uint32_t)n_der_bytes};
    return agent->services->call(&call);
}

/* A loader is received whole before anything is erased: where to? */
static bool lacks_loader_memory(const struct agent *agent)
{
    return !agent->config.loader_memory || agent->config.loader_memory_bytes < FLASH_LOADER_BYTES;
}

/* The text is read here; the root judges its signature. */
static enum fota_err read_offer(struct agent *agent, const uint8_t *statement, uint32_t n_bytes,
                                struct update_offer *out)
{
    const struct statement_verifier verifier = {check_signature, agent};
    const struct boot_services *services = agent->services;
    const bool is_plain = n_bytes == 0;
    const bool is_loader = !is_plain && offer_is_for_loader(statement, n_bytes);
    struct boot_view view;
    enum fota_err err = ask_root(services, &view);
    if (err) {
        return err;
    }
    /* Before the signature: without memory there is nothing to verify a loader for. */
    if (is_loader && lacks_loader_memory(agent)) {
        return E_LOADER_MEMORY;
    }
    enum slot slot = is_loader ? SLOT_LOADER : (enum slot)view.inactive;
    if (slot == SLOT_NONE) {
        return E_STATE;
    }
    if (is_plain) {
        offer_plain(slot, FLASH_SLOT_BYTES, out);
    } else {
        err = offer_read(&verifier, services->hw_id, slot, statement, n_bytes, out);
    }
    return err ? err : offer_check(out, &view, services->bootloader_version);
}

static uint32_t base_of(uint32_t slot)
{
    if (slot == SLOT_LOADER) {
        return FLASH_LOADER_BASE;
    }
    return slot == SLOT_A ? FLASH_SLOT_A_BASE : FLASH_SLOT_B_BASE;
}

static enum fota_err op_begin(void *ctx, const uint8_t *statement, uint32_t n_bytes,
                              struct update_target *out)
{
    struct agent *agent = ctx;
    struct update_offer offer;
    uint32_t off;
    struct boot_call call = {.op = BOOT_OP_BEGIN, .bytes = &offer, .out = &off};
    if (n_bytes == 0 && agent->config.refuse_plain) {
        return E_UPDATE_PLAIN;
    }
    enum fota_err err = read_offer(agent, statement, n_bytes, &offer);
    err = err ? err : run_call(agent, &call);
    if (err) {
        return err;
    }
    /* Not 0: from now on words go to memory and not to flash, until FINISH installs them. */
    agent->loader_bytes = offer.slot == SLOT_LOADER ? offer.image_bytes : 0;
    *out = (struct update_target){offer.session_id, offer.slot, base_of(offer.slot), offer.image_bytes, off};
    return FOTA_OK;
}

static enum fota_err op_erase(void *ctx, uint32_t sector)
{
    struct boot_call call = {.op = BOOT_OP_ERASE, .number = sector};
    return run_call(ctx, &call);
}

static enum fota_err op_program(void *ctx, uint32_t addr, const uint32_t *words, uint32_t n_words)
{
    struct agent *agent = ctx;
    struct boot_call call = {.op = BOOT_OP_PROGRAM, .bytes = words, .number = addr, .n = n_words};
    /* No flash operation, so nothing stalls and no permission is asked. The pump has checked that the
     * words belong to this session, whose size BEGIN has compared with the memory. */
    if (agent->loader_bytes > 0) {
        memcpy(agent->config.loader_memory + (addr - FLASH_LOADER_BASE), words, 4U * n_words);
        return FOTA_OK;
    }
    return run_call(agent, &call);
}

/* Flash is memory-mapped (RM0090 2.3). The pump has checked that the range belongs to this session. */
static void op_read(void *ctx, uint32_t addr, uint8_t *bytes, uint32_t n_bytes)
{
    (void)ctx;
    memcpy(bytes, (const void *)addr, n_bytes);
}

static enum fota_err op_hash(void *ctx, uint32_t off, uint32_t n_bytes, uint8_t sha256[32])
{
    const struct agent *agent = ctx;
    struct boot_view view;
    enum fota_err err = ask_root(agent->services, &view);
    if (err) {
        return err;
    }
    /* The root hashes whatever it is asked to: that the range lies in the inactive slot is checked here. */
    if (view.inactive > SLOT_B || off > FLASH_SLOT_BYTES || n_bytes > FLASH_SLOT_BYTES - off) {
        return E_FLASH_RANGE;
    }
    const struct boot_call call = {.op = BOOT_OP_HASH,
                                   .bytes = (const uint8_t *)base_of(view.inactive) + off,
                                   .n = n_bytes,
                                   .out = sha256};
    return agent->services->call(&call);
}

/* A loader is complete in RAM at this point and goes to sector 1 in one service, so that the time in which
 * sector 1 is not valid is as short as it can be. */
static enum fota_err op_finish(void *ctx)
{
    struct agent *agent = ctx;
    struct boot_call finish = {.op = BOOT_OP_FINISH};
    struct boot_call install = {
        .op = BOOT_OP_LOADER_INSTALL, .bytes = agent->config.loader_memory, .n = agent->loader_bytes};
    return run_call(agent, agent->loader_bytes > 0 ? &install : &finish);
}

static bool may_restart(const struct agent *agent)
{
    return !agent->config.may_restart || agent->config.may_restart(agent->config.ctx);
}

static enum fota_err op_activate(void *ctx)
{
    struct agent *agent = ctx;
    struct boot_call call = {.op = BOOT_OP_ACTIVATE};
    /* Asked before the record is written: after it, any reset starts the new image, whether the
     * application wanted it or not. */
    return may_restart(agent) ? run_call(agent, &call) : E_UPDATE_BUSY;
}

static enum fota_err op_abort(void *ctx)
{
    struct agent *agent = ctx;
    struct boot_call call = {.op = BOOT_OP_ABORT};
    enum fota_err err = run_call(agent, &call);
    if (!err) {
        agent->loader_bytes = 0;
    }
    return err;
}

static enum fota_err op_retry(void *ctx, uint32_t number)
{
    struct boot_call call = {.op = BOOT_OP_RETRY, .number = number};
    return run_call(ctx, &call);
}

/* Called again at each poll until the application lets it happen. */
static void op_restart(void *ctx)
{
    const struct agent *agent = ctx;
    if (may_restart(agent)) {
        NVIC_SystemReset();
    }
}

static const struct link_session_ops update_ops = {
    .info = op_info,
    .begin = op_begin,
    .erase = op_erase,
    .program = op_program,
    .read = op_read,
    .hash = op_hash,
    .finish = op_finish,
    .activate = op_activate,
    .abort = op_abort,
    .restart = op_restart,
    .retry = op_retry,
};

static const struct link_port_ops spi_ops = {
    .receive = spi_slave_irq_receive,
    .discard = spi_slave_irq_discard,
    .present = spi_slave_irq_present,
    .greet = spi_slave_greet,
    .send = spi_slave_irq_send,
    .arm = spi_slave_irq_arm,
    .is_sending = spi_slave_is_sending,
    .is_selected = spi_slave_is_selected,
    .resync = spi_slave_irq_resync,
};

/* --- the application's side -------------------------------------------------------------------------- */

/* While flash is erased or programmed, a read of it stalls the core (RM0090 3.6), and the core reads a vector
 * at each interrupt. With the table in RAM, handlers that run from RAM work on during flash work. */
void agent_vectors_to_ram(uint32_t vectors[AGENT_VECTORS])
{
    const volatile uint32_t *current = (const volatile uint32_t *)SCB->VTOR;
    for (uint32_t i = 0; i < AGENT_VECTORS; i++) {
        vectors[i] = current[i];
    }
    /* The copy must be in RAM before the next exception looks for its handler there. */
    __DSB();
    SCB->VTOR = (uint32_t)vectors;
    __DSB();
}

/* The handler of the link must have a priority above those that flash work masks (a lower number), or a host
 * gets no answer during an erase. */
static bool is_usable(const struct agent_config *config)
{
    return config->now_ms && config->masked_priority < AGENT_PRIORITY_LEVELS &&
           config->spi_priority < config->masked_priority;
}

/* The root may be missing or of another version: an application that was flashed with a debugger has no root.
 * So look before anything of it is called. */
static const struct boot_services *find_services(void)
{
    const struct boot_services *services = (const struct boot_services *)FLASH_SERVICES_ADDR;
    /* Flash reads as FF where nothing was written, so reading a table that is not there is harmless. */
    bool is_known = services->magic == BOOT_SERVICES_MAGIC && services->version == BOOT_SERVICES_VERSION &&
                    services->n_bytes >= sizeof *services;
    return is_known ? services : NULL;
}

static enum fota_err start_pump(struct agent *agent, enum slot inactive)
{
    struct link_pump_config pump = {
        .ops = &update_ops,
        .ops_ctx = agent,
        .port = &spi_ops,
        .port_ctx = &agent->spi,
        .board = &BOARD_OWN,
        .loader = agent->running_slot == SLOT_NONE ? LINK_LOADER_LOADER : LINK_LOADER_AGENT,
        .inactive = inactive,
        .chunk_words = agent->config.chunk_words ? agent->config.chunk_words : AGENT_CHUNK_WORDS,
    };
    spi_slave_init(&agent->spi);
    spi_slave_irq_init(&agent->spi, agent->config.spi_priority);
    return link_pump_init(&agent->pump, &pump);
}

/* While a trial runs there is none: a session is refused then, whatever this says. */
static enum slot inactive_of(const struct boot_view *view)
{
    if (view->inactive <= SLOT_B) {
        return (enum slot)view->inactive;
    }
    return view->running == SLOT_A ? SLOT_B : SLOT_A;
}

enum fota_err agent_init(struct agent *agent, const struct agent_config *config)
{
    struct boot_view view;
    const struct boot_services *services = find_services();
    if (!is_usable(config)) {
        return E_ARG;
    }
    if (!services) {
        return E_UNSUPPORTED;
    }
    enum fota_err err = ask_root(services, &view);
    if (err) {
        return err;
    }
    memset(agent, 0, sizeof *agent);
    agent->config = *config;
    agent->services = services;
    /* BASEPRI uses the upper bits of its byte, as many as the chip has priority bits: four (PM0214 2.1.3). */
    agent->basepri = config->masked_priority << (8U - __NVIC_PRIO_BITS);
    agent->started_ms = config->now_ms(config->ctx);
    agent->running_slot = (uint8_t)view.running;
    agent->is_on_trial = view.running < SLOT_NONE && view.record.state[view.running] == SLOT_STATE_TRIAL;
    return start_pump(agent, inactive_of(&view));
}

void agent_poll(struct agent *agent)
{
    uint32_t now_ms = agent->config.now_ms(agent->config.ctx);
    if (agent->is_on_trial && now_ms - agent->started_ms >= agent->config.confirm_within_ms) {
        NVIC_SystemReset(); /* the bootloader has counted this run */
    }
    /* Before the poll, which may erase for two seconds. */
    feed();
    link_pump_poll(&agent->pump, now_ms);
}

/* Without permission to erase: the root has made room for this record at the boot (rule R8 of
 * docs/spec/journal.md), so that confirming never waits. */
enum fota_err agent_confirm(struct agent *agent)
{
    const struct boot_call call = {.op = BOOT_OP_CONFIRM, .options = agent->basepri};
    enum fota_err err = agent->services->call(&call);
    if (err) {
        return err;
    }
    agent->is_on_trial = false;
    return FOTA_OK;
}

enum fota_err agent_info(const struct agent *agent, struct boot_info *out)
{
    return tell(agent, out);
}

bool agent_is_busy(const struct agent *agent)
{
    return link_pump_has_session(&agent->pump) || !link_pump_is_idle(&agent->pump);
}

bool agent_has_host(const struct agent *agent)
{
    return link_pump_is_synced(&agent->pump);
}

bool agent_is_on_trial(const struct agent *agent)
{
    return agent->is_on_trial;
}

AGENT_RAM_CODE void agent_irq(struct agent *agent)
{
    spi_slave_irq(&agent->spi);
}
