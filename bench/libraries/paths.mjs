let count = 0

/** A path for a socket. The working directory is the run's own: a killed server leaves its file behind. */
export const newPath = () => `${process.cwd()}/${process.pid}-${count++}.sock`
