/** The name our own numbers begin with. */
export const STAT_SCOPE = 'smi'
