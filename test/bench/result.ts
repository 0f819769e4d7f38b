/** What one side counted in one run, and what else applies to its workload. */
export interface Result {
  readonly units: number
  readonly seconds: number
  readonly cpu: number
  readonly p50?: number
  readonly p99?: number
  readonly sent?: number
  readonly dropped?: number
}
