# The agent in a Makefile that CubeMX generated. Write this as the last line of the Makefile, and again when CubeMX has
# generated it anew:
#
#     include Middlewares/Third_Party/fota_agent/fota.mk
#
# It compiles the agent, links $(TARGET).elf for slot A and $(TARGET)-b.elf for slot B, and signs both:
# $(TARGET)-a.img and $(TARGET)-b.img. Your LDSCRIPT is not used any more.
#
#   make FOTA_VERSION=1.4.0 FOTA_KEY=/path/to/image-key.pem [FOTA_COUNTER=1] [FOTA_SIGN="sh sign.sh"]
#
# Without FOTA_KEY nothing is signed, and the build says how to sign.
FOTA_VERSION ?= 1.0.0
FOTA_KEY ?=
FOTA_COUNTER ?= 1

FOTA_DIR := $(patsubst %/,%,$(dir $(lastword $(MAKEFILE_LIST))))
FOTA_SIGN ?= sh $(FOTA_DIR)/sign.sh
FOTA_SOURCES := $(wildcard $(FOTA_DIR)/Src/*/*.c $(FOTA_DIR)/Src/*/*.S)
FOTA_OBJECTS := $(patsubst $(FOTA_DIR)/Src/%,$(BUILD_DIR)/fota_agent/%.o,$(FOTA_SOURCES))
export FOTA_KEY FOTA_COUNTER

C_INCLUDES += -I$(FOTA_DIR)/Inc

$(BUILD_DIR)/fota_agent/%.c.o: $(FOTA_DIR)/Src/%.c Makefile | $(BUILD_DIR)
	@mkdir -p $(@D)
	$(CC) -c $(CFLAGS) $< -o $@

$(BUILD_DIR)/fota_agent/%.S.o: $(FOTA_DIR)/Src/%.S Makefile | $(BUILD_DIR)
	@mkdir -p $(@D)
	$(CC) -c $(CFLAGS) $< -o $@

# The generated rule links $(OBJECTS) with $(LDSCRIPT): for this file they are ours as well, and the script of slot A.
$(BUILD_DIR)/$(TARGET).elf: LDSCRIPT = $(FOTA_DIR)/slot_a.ld
$(BUILD_DIR)/$(TARGET).elf: OBJECTS += $(FOTA_OBJECTS)
$(BUILD_DIR)/$(TARGET).elf: $(FOTA_OBJECTS) $(FOTA_DIR)/slot_a.ld

$(BUILD_DIR)/$(TARGET)-b.elf: LDSCRIPT = $(FOTA_DIR)/slot_b.ld
$(BUILD_DIR)/$(TARGET)-b.elf: $(OBJECTS) $(FOTA_OBJECTS) $(FOTA_DIR)/slot_b.ld Makefile
	$(CC) $(OBJECTS) $(FOTA_OBJECTS) $(LDFLAGS) -Wl,-Map=$(BUILD_DIR)/$(TARGET)-b.map -o $@

$(BUILD_DIR)/$(TARGET)-a.img: $(BUILD_DIR)/$(TARGET).bin
	$(FOTA_SIGN) a $(FOTA_VERSION) $< $@

$(BUILD_DIR)/$(TARGET)-b.img: $(BUILD_DIR)/$(TARGET)-b.bin
	$(FOTA_SIGN) b $(FOTA_VERSION) $< $@

all: $(BUILD_DIR)/$(TARGET)-a.img $(BUILD_DIR)/$(TARGET)-b.img

-include $(wildcard $(BUILD_DIR)/fota_agent/*/*.d)
