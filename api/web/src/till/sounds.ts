/** Yes and no as sounds, drawn by the browser: no file to load, and they can be muted. */

const STORED = 'unioncard.till.muted'

let context: AudioContext | undefined

export function isMuted(): boolean {
  try {
    return localStorage.getItem(STORED) === '1'
  } catch {
    return false
  }
}

export function setMuted(muted: boolean): void {
  try {
    localStorage.setItem(STORED, muted ? '1' : '0')
  } catch {
    // Without storage the sound comes back with the next page.
  }
}

export function soundYes(): void {
  tone(880, 0, 0.09, 'sine')
  tone(1320, 0.1, 0.14, 'sine')
}

export function soundNo(): void {
  tone(220, 0, 0.16, 'square')
  tone(180, 0.2, 0.26, 'square')
}

function tone(pitch: number, delay: number, length: number, type: OscillatorType): void {
  if (isMuted() || typeof AudioContext === 'undefined') return
  context ??= new AudioContext()
  const begin = context.currentTime + delay
  const source = context.createOscillator()
  const volume = context.createGain()
  source.type = type
  source.frequency.value = pitch
  volume.gain.setValueAtTime(0.0001, begin)
  volume.gain.exponentialRampToValueAtTime(0.16, begin + 0.015)
  volume.gain.exponentialRampToValueAtTime(0.0001, begin + length)
  source.connect(volume).connect(context.destination)
  source.start(begin)
  source.stop(begin + length + 0.02)
}
