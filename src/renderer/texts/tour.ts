import type { PanelId } from '../docking/panel'

export interface TourStep {
  /** Brought to the front and outlined. */
  panel: PanelId
  title: string
  text: string
}

export const TOUR = {
  label: 'Tour',
  skip: 'Skip tour',
  back: 'Back',
  next: 'Next',
  done: 'Done',
  progress: (step: number, steps: number) => `${step} of ${steps}`,
}

export const TOUR_STEPS: readonly TourStep[] = [
  { panel: 'viewer', title: 'Look', text: 'This is the sample scene. Drag moves it, the wheel zooms; [ and ] go through the bands. A click pins the spectrum of a pixel.' },
  { panel: 'spectra', title: 'Compare spectra', text: 'Pinned pixels and the one under the cursor appear here as curves. A click on the plot shows that band.' },
  { panel: 'data', title: 'Data', text: 'Open your own cubes here, or drop them on the window. Bad bands, wavelengths and masks can be corrected; the files themselves are never changed.' },
  { panel: 'pipeline', title: 'Train', text: 'Choose a template and press Train. RX needs no training at all; Deep SVDD takes some seconds on the sample.' },
  { panel: 'threshold', title: 'Tune the threshold', text: 'Drag the line in the histogram: the picture follows at once. With a mask, precision and recall follow as well. Ctrl+Z takes a change back.' },
]
