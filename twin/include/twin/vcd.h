/**
 * The twin's wires as a VCD file (IEEE 1364-2005 18), for GTKWave and sigrok: NSS, SCK, MOSI, MISO, NRST,
 * BOOT0 and BSY (the flash is busy), in nanoseconds of virtual time.
 *
 * Written as it happens, in memory of a fixed size, into a temporary file beside `path` that gets its name
 * when it is complete.
 */
#ifndef TWIN_VCD_H
#define TWIN_VCD_H

#include "twin/twin.h"

struct vcd;

/**
 * Begin to record, from now on, whatever else watched the wires.
 *
 * @param t          outlives the recording
 * @param max_bytes  the file grows to about this size; what happens afterwards is not recorded
 * @return NULL with the reason in `why`: no memory, or the file cannot be created
 */
struct vcd *vcd_open(struct twin *t, const char *path, uint64_t max_bytes, char *why, size_t why_bytes);

/** Virtual time at which the file was full, 0 if it is not. */
uint64_t vcd_full_ns(const struct vcd *v);

/**
 * End the recording and give the file its name. `v` is gone afterwards. NULL: nothing happens.
 *
 * @return false with the reason in `why`: it could not be written; then nothing is left of it, and a file of
 * that name is as it was
 */
bool vcd_close(struct vcd *v, char *why, size_t why_bytes);

#endif
