/** Megabytes of pixels that a fit keeps where nobody names a number. */
export const FIT_MEMORY_MB = 512
/** The same of scoring. */
export const RUN_MEMORY_MB = 256

/** What can be set. */
export const LEAST_MEMORY_MB = 16
export const LARGEST_MEMORY_MB = 2 ** 20
