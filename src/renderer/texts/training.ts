/** The Training panel. */
export const TRAINING = {
  runs: 'Runs',
  nothing: 'No runs yet',
  nothingNext: 'Choose a pipeline and train it on the open cube. Its loss, metrics and scores appear here.',
  choosePipeline: 'Choose a pipeline',
  show: 'Go to training',
  thisRun: 'This run',
  startFrom: 'Start from',
  startFromHint: 'Nodes of the same name, type and shapes take over what another run has learned',
  beginning: 'the beginning',
  progress: 'Training progress',
  starting: 'Starting…',
  epochOf: (epoch: number, planned: number) => `Epoch ${epoch} of ${planned}`,
  stoppingAfterEpoch: 'Stopping after this epoch…',
  stoppingNow: 'Stopping…',
  left: (time: string) => `${time} left`,
  bar: 'Training',
  stop: 'Stop',
  stopHint: 'Stop now; what was begun of this epoch is dropped',
  stopping: 'Stopping…',
  stopAfterEpoch: 'Stop after this epoch',
  resume: 'Resume',
  runAgain: 'Run again',
  stillRunning: (name: string) => `${name} is still running.`,
  setThreshold: 'Set threshold',
  export: 'Export',
  delete: 'Delete run',
  deleteThis: 'Delete this run',
  deleteRun: 'Delete run and its files',
  keep: 'Keep',
  loss: 'Loss',
  learningRate: 'Learning rate',
  seed: 'Seed',
  device: 'Device',
  time: 'Time',
  cube: 'Cube',
  startedFrom: 'Started from',
  noMask: 'No mask was attached to the cube, so there is nothing to measure the scores against.',
  star: (name: string) => `Star ${name}`,
  note: 'Note',
  noteHint: 'What was tried and what came of it',
}

export const STEPS = {
  list: 'Steps',
  /** By the kind of work of a stage. */
  phases: { from: 'Start', statistics: 'Phase 1: statistics', read: 'Reading', train: 'Phase 2: gradient', score: 'Scores', image: 'Scores' } as Record<string, string>,
  other: 'Further work',
  epochs: (done: number, planned: number) => `${done} of ${planned} epochs`,
}

export const LOG = {
  title: 'Log',
  nothing: 'Nothing was noted of this run.',
}

export const EPOCH_CURVES = {
  choice: 'Curves',
  groups: { loss: 'Loss', metrics: 'Metrics', rate: 'Learning rate', norm: 'Gradient norm', settings: 'Settings' },
  training: 'Training',
  validation: 'Validation',
  epoch: 'Epoch',
  logScale: 'Log scale',
  summary: (group: string, run: string, first: string, firstEpoch: number, last: string, lastEpoch: number) =>
    `${group} of ${run}: ${first} after epoch ${firstEpoch}, ${last} after epoch ${lastEpoch}`,
  best: (epoch: number) => `best: ${epoch}`,
  kept: (epoch: number, monitor: string) => `The pipeline holds epoch ${epoch}, the best by ${monitor}.`,
  lowest: (epoch: number, what: string) => `Epoch ${epoch} has the lowest ${what}.`,
  lowestOf: { validation: 'validation loss', training: 'training loss' },
}

export const COMPARE = {
  title: 'Comparison',
  choose: (name: string) => `Compare ${name}`,
  hint: 'Tick runs in the list to compare them.',
  more: 'Tick another run to compare with.',
  most: (count: number) => `At most ${count} runs are compared at once.`,
  table: 'Compared runs',
  same: 'The parameters of these runs are the same.',
  clear: 'Clear',
  pictures: 'Decisions side by side',
  losses: 'Losses of the compared runs',
  noScores: 'No scores',
  picture: (name: string) => `Decisions of ${name}`,
  found: 'Found',
  falseAlarm: 'False alarm',
  missed: 'Missed',
  flagged: 'Flagged',
  rows: {
    pipeline: 'Pipeline', cube: 'Cube', epochs: 'Epochs', seed: 'Seed', learningRate: 'Learning rate', from: 'Started from', device: 'Device',
    auc: 'AUC', averagePrecision: 'Average precision', f1: 'F1', precision: 'Precision', recall: 'Recall', iou: 'IoU', threshold: 'Threshold', lastLoss: 'Last loss', validationLoss: 'Last validation loss', time: 'Time',
  },
}
