// Every reference case that no test runs, with the reason. tests/golden/coverage.test.ts holds this list against the
// files: what is neither run nor listed fails, and so does what is listed but does not exist.

interface NotRun {
  file: string
  /** Names of cases, "case/entry" for one entry of an errors case; "*" at the end stands for any rest. */
  cases: readonly string[]
  reason: string
}

export const notRun: readonly NotRun[] = [
  { file: 'rx', cases: ['errors/one_pixel_batches_are_skipped'], reason: 'A quirk: batches of one pixel count here, so that the statistics do not depend on how the stream is cut.' },
  { file: 'score_to_logit', cases: ['errors/refit_after_unfreeze'], reason: 'A defect: fitting again after training must work.' },
  { file: 'metrics', cases: ['stages/no_context'], reason: 'An argument of a Python method: measurements here have no stage.' },

  { file: 'zscore_global', cases: ['errors/positional_arg'], reason: 'A rule of Python calls.' },
  { file: 'zscore_global', cases: ['errors/stream_without_data_key'], reason: 'The stream here is that of one port; there are no keys to miss.' },
  { file: 'zscore_global', cases: ['errors/refit_after_unfreeze'], reason: 'A defect: fitting again after training must work.' },
  { file: 'deepsvdd_center_tracker', cases: ['errors/val_forward_after_unfreeze'], reason: 'Unfreezing a centre is refused, so it is never run unfrozen.' },
  { file: 'deepsvdd_soft_boundary_loss', cases: ['errors/execution_stages_kw'], reason: 'An argument of a Python constructor; losses run in training and validation, which is tested with the stages.' },
  { file: 'losses', cases: ['iou_nan_minmax'], reason: 'A defect: a score that is not a number becomes a finite loss; here the loss is NaN, and training stops with a sentence.' },
  { file: 'losses', cases: ['errors/loss_execution_stages'], reason: 'An argument of a Python constructor; losses run in training and validation, which is tested with the stages.' },
  { file: 'normalizers', cases: ['errors/non_contiguous_view'], reason: 'How PyTorch lays out memory; tensors here are always row-major.' },
  { file: 'channel_mixer', cases: ['single_pixel/train_bn_single_value'], reason: 'A batch of one pixel, such as what is left over at the end of an epoch, must not end a training: its variance of 0 is taken as it is.' },
  { file: 'trainable_pca', cases: ['errors_and_flags/rank3'], reason: 'Calling a node directly, past the pipeline; cubes here always have four axes.' },
  { file: 'bandpass', cases: ['errors/hwc_rank3_ok'], reason: 'Calling a node directly, past the pipeline; cubes here always have four axes.' },

  { file: 'schedulers', cases: ['errors/alias_plateau_is_not_resolved'], reason: 'A defect: the reference advertises this short name and does not resolve it. Here it is reduce_on_plateau.' },

  { file: 'ports', cases: ['compatibility/generic_tensor_target', 'compatibility/generic_tensor_source'], reason: 'Ports here always state their element type.' },
  { file: 'ports', cases: ['compatibility/symbolic_missing_attr', 'compatibility/symbolic_not_int'], reason: 'Sizes here are computed by typed functions; there is no attribute to miss.' },
  { file: 'ports', cases: ['compatibility/numpy_int32_vs_torch_int32'], reason: 'There is one int32 here.' },
  { file: 'ports', cases: ['graph_errors/yaml_missing_required_hparam'], reason: 'A channel count that is not stated is taken from the cube.' },
  { file: 'ports', cases: ['graph_errors/yaml_style_of_seed'], reason: 'The short dialect is read here: the specification writes it.' },
]

/** Why a case is not run; null when it must be. */
export function reasonNotRun(file: string, name: string): string | null {
  return notRun.find((entry) => entry.file === file && entry.cases.some((pattern) => matches(pattern, name)))?.reason ?? null
}

export function matches(pattern: string, name: string): boolean {
  return pattern.endsWith('*') ? name.startsWith(pattern.slice(0, -1)) : name === pattern
}
