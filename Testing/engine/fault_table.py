"""Which test fails when one of the 48 known faults is answered wrongly again; promise_table has the promises.

A test is named ``folder/file::function``.  open: what no test answers as it is written, and why; a row may have both.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    fault: str
    tests: tuple[str, ...] = ()
    open: str = ""


def row(fault, *tests, open=""):
    return Row(fault, tests, open)


GPU = "not measured: the half on a GPU needs a card"

FAULTS = {
    # model files
    1: row(
        "malicious pickle",
        "engine/models/test_factory::test_pickled_programs_are_refused_and_do_not_run_even_with_consent",
        "engine/models/test_pickle_scan::test_a_payload_is_named_and_does_not_run",
        "engine/worker/test_worker_draft::test_what_cannot_be_drafted_is_one_sentence_without_a_path_and_nothing_runs",
        "engine/models/test_nnunet_files::test_a_checkpoint_with_a_payload_is_refused_by_name_and_nothing_runs",
        "engine/models/test_monai_safety::test_a_checkpoint_with_a_payload_is_refused_also_after_a_yes",
    ),
    2: row(
        "weights_only bypass",
        "engine/models/test_pickle_scan::test_a_payload_in_torch_s_old_format_or_under_the_name_of_a_text_does_not_hide",
        "engine/repository/test_promises::test_a_torch_that_runs_code_from_checkpoints_opens_none",
        "mrml/test_panel_parts::test_an_old_torch_counts_as_missing_and_windows_has_a_ceiling",
    ),
    3: row(
        "whole pickled nn.Module",
        "engine/models/test_factory::test_pickled_programs_are_refused_and_do_not_run_even_with_consent",
    ),
    4: row(
        "bundle with $ code or a foreign _target_",
        "engine/models/test_monai_safety::test_code_where_we_read_is_listed_and_never_runs_without_a_yes",
        "engine/models/test_monai_safety::test_only_listed_classes_of_monai_are_networks",
        "engine/models/test_monai_expressions::test_everything_else_is_refused",
        "engine/protocol/test_bounded::test_what_would_not_end_is_refused_in_one_sentence_at_once",
        "engine/protocol/test_fuzz_descriptions::test_no_mutated_model_runs_hangs_fills_the_memory_or_ends_in_a_traceback",
    ),
    5: row("zip slip", "engine/models/test_monai_safety::test_a_zip_whose_members_would_leave_it_is_refused"),
    6: row(
        "truncated, 0-byte, corrupt checkpoint",
        "engine/models/test_pickle_scan::test_truncated_files_say_so_with_their_size",
        "engine/models/test_nnunet_files::test_a_truncated_or_empty_checkpoint_is_damaged",
        "engine/models/test_factory::test_torchscript_and_damaged_files_are_refused",
    ),
    7: row(
        "state_dict does not fit",
        "engine/models/test_factory::test_a_misfit_names_the_first_five_keys_of_each_sort",
        "engine/models/test_factory::test_the_prefix_of_a_wrapper_is_taken_off",
        "engine/models/test_nnunet_files::test_weights_that_do_not_fit_are_refused_with_the_first_five_names",
    ),
    8: row("nnU-Net folder lacks files", "engine/models/test_nnunet_files::test_missing_files_are_named"),
    9: row(
        "TorchScript without hookable layers",
        "engine/models/test_torchscript::test_a_program_without_weights_says_what_it_lacks_or_that_there_is_nothing_to_show",
        "engine/models/test_exported_refusals::test_programs_that_cannot_be_explained_say_why",
    ),
    10: row(
        "weights contain NaN/Inf",
        "engine/models/test_factory::test_weights_that_are_not_finite_are_refused_with_their_name",
        "engine/models/test_nnunet_files::test_weights_that_are_not_finite_are_refused",
        "engine/models/test_exported_refusals::test_weights_that_are_not_finite_are_named",
    ),
    11: row(
        "output is dict, tuple, list",
        "engine/cam/test_capture::test_a_network_with_several_outputs_is_explained_by_the_largest",
        "engine/cam/test_capture::test_among_several_outputs_those_with_the_right_number_of_channels_come_first",
        "engine/session/test_faults::test_a_network_that_returns_no_tensor_or_has_no_spatial_layer_is_refused",
    ),
    12: row(
        "one-channel sigmoid, K = 1, softmax",
        "engine/cam/test_score::test_a_binary_head_has_the_negated_logit_for_background",
        "engine/cam/test_score::test_decisions_by_softmax_and_by_sigmoid",
        "engine/models/test_monai_bundle::test_a_binary_head_is_one_channel_with_a_background",
        "engine/evaluation/test_causes_faults::test_a_binary_head_is_shared_out_and_flipped_with_the_sign_of_the_class_that_is_asked_about",
    ),
    13: row(
        "model in train mode, dropout, batch norm",
        "engine/cam/test_capture::test_nothing_is_left_changed_on_the_network",
        "engine/cam/test_capture::test_buffers_that_a_forward_changes_are_put_back",
        "engine/session/test_session::test_the_network_is_as_it_was_after_every_question_and_after_every_failure",
    ),
    14: row(
        "in-place ReLU, checkpointing, no_grad and inference_mode inside forward",
        "engine/cam/test_capture::test_a_norm_layer_in_front_of_an_in_place_activation_keeps_its_negative_values",
        "engine/cam/test_capture::test_an_activation_overwritten_behind_the_hook_is_kept_by_a_second_pass",
        "engine/cam/test_capture::test_a_forward_that_enters_inference_mode_or_no_grad_is_a_clear_error",
        "engine/cam/test_capture::test_reentrant_checkpointing_is_a_clear_error",
        "engine/cam/test_capture::test_checkpointing_in_the_tail_gives_the_same_gradient",
    ),
    15: row(
        "layer absent, not executed, non-tensor output, shared module",
        "engine/cam/test_capture::test_a_layer_that_cannot_be_captured_is_a_clear_error",
        "engine/cam/test_capture::test_a_module_called_twice_wants_the_call_named_and_each_call_has_its_own_gradient",
        "engine/session/test_faults::test_an_unknown_layer_method_side_precision_or_device_is_refused",
    ),
    # images
    16: row(
        "wrong channel count",
        "engine/session/test_faults::test_a_wrong_channel_count_names_the_expected_channels",
        "engine/cli/test_cli_inputs::test_wrong_channels_are_told_with_the_list_before_the_author_s_code_runs",
    ),
    17: row(
        "smaller than the patch, not divisible",
        "engine/session/test_explain::test_images_are_padded_to_the_divisor_and_the_padding_is_cut_from_the_map",
        "engine/session/test_windows::test_cells_in_the_padding_are_counted_and_left_out",
        "engine/models/test_nnunet::test_an_image_smaller_than_the_patch_is_predicted_as_nnunet_pads_it",
    ),
    18: row(
        "NaN/Inf voxels",
        "engine/session/test_faults::test_non_finite_voxels_are_counted_and_refused",
        "engine/cli/test_cli_explain::test_voxels_that_are_no_numbers_are_refused_before_the_network_runs",
        "engine/io/test_files::test_voxels_that_are_no_numbers_stay_so_in_their_places",
        "engine/evaluation/test_causes_faults::test_voxels_that_are_no_numbers_are_refused_before_any_pass_also_in_what_stands_in",
    ),
    19: row(
        "constant or empty image",
        "engine/session/test_faults::test_constant_and_extreme_images_give_finite_maps",
        "engine/models/test_nnunet::test_a_uniform_image_gives_a_finite_tensor",
        "engine/evaluation/test_causes_faults::test_in_a_constant_image_there_is_nothing_to_share_and_nothing_to_flip",
    ),
    20: row(
        "extreme HU",
        "engine/session/test_faults::test_constant_and_extreme_images_give_finite_maps",
        "engine/session/test_faults::test_integer_images_are_taken_and_left_untouched",
        "engine/models/test_monai_bundle::test_preprocessing_equals_monai_s_from_the_file_and_a_cue_stays_at_its_millimetres",
        "engine/models/test_intensity_note::test_a_module_without_normalise",
        "engine/models/test_extreme_values::test_they_are_counted",
        "engine/models/test_extreme_values::test_the_result_tells_and_the_map_is_that_of_the_values_as_they_are",
    ),
    21: row(
        "anisotropic, oblique, left-handed, sheared geometry",
        "engine/io/test_files::test_every_format_keeps_voxels_and_millimetres_of_oblique_and_left_handed_volumes",
        "engine/io/test_files::test_what_is_no_volume_is_refused_in_one_sentence_without_its_folder",
        "engine/cam/test_placement::test_a_bright_cue_at_a_known_millimetre_is_found_within_half_a_cell",
        "engine/session/test_windows::test_a_bright_cue_is_found_through_windows_on_an_oblique_grid",
        "engine/protocol/test_geometry::test_a_matrix_that_is_no_geometry_is_refused",
        "engine/io/test_sheared::test_formats_that_hold_shear_keep_every_place",
        "mrml/test_overlay::test_a_bright_cell_is_found_at_its_millimetre",
    ),
    22: row(
        "uneven slice spacing, gantry tilt",
        "engine/io/test_files::test_dicom_slices_that_are_missing_repeated_or_tilted_are_refused",
    ),
    23: row(
        "2D model on a 3D image, 3D model on a 2D one",
        "engine/models/test_2d_slices::test_the_maps_are_those_of_the_single_slices_each_in_its_place",
        "engine/session/test_faults::test_dimensions_that_do_not_fit_are_refused",
        "engine/evaluation/test_causes_faults::test_a_2d_network_that_goes_through_a_volume_has_causes_and_flips_of_the_slices",
    ),
    24: row(
        "RGB or vector volume, 4D sequence",
        "engine/io/test_rgb::test_the_channels_are_red_green_blue_and_the_first_row_lies_in_front",
        "engine/io/test_rgb::test_what_is_no_colour_image_is_refused_in_a_sentence",
        "engine/io/test_files::test_what_is_no_volume_is_refused_in_one_sentence_without_its_folder",
        "mrml/test_image_reader::test_a_colour_volume_is_an_error",
    ),
    25: row(
        "volume under a transform",
        "mrml/test_image_reader::test_a_chain_of_linear_transforms_is_part_of_the_grid",
        "mrml/test_image_reader::test_a_non_linear_transform_is_an_error",
    ),
    26: row(
        "huge volume",
        "engine/session/test_window_memory::test_the_estimate_is_what_runs",
        "engine/session/test_session::test_a_shortage_of_memory_is_one_sentence_with_the_numbers",
        "engine/session/test_session::test_the_budget_decides_what_is_recorded_and_beyond_it_every_question_runs_the_network_"
        "and_says_so",
    ),
    # target M
    27: row(
        "empty M",
        "engine/session/test_explain::test_an_empty_pixel_set_is_an_error_before_the_network_runs",
        "engine/cli/test_cli_evaluate::test_an_empty_reference_is_no_hit_and_one_voxel_has_numbers",
        "engine/evaluation/test_eval_baselines::test_painting_the_prediction_holds_all_its_evidence_in_it_and_an_empty_one_is_a_"
        "zero_map",
        "engine/evaluation/test_causes_faults::test_a_class_that_the_network_predicts_nowhere_is_one_sentence",
        "engine/worker/test_worker_causes::test_what_cannot_be_asked_is_one_sentence_and_leaves_no_file",
        open="a question about an empty M is refused with a suggestion, instead of answered by a zero map",
    ),
    28: row(
        "M outside image or patch",
        "engine/session/test_faults::test_a_pixel_set_beside_the_image_or_one_that_is_none_is_refused",
        "engine/protocol/test_pixel_sets::test_one_voxel_is_the_nearest_to_the_point_and_outside_is_refused",
        "mrml/test_pixel_set_reader::test_a_segment_outside_the_volume_is_an_error_that_says_outside",
    ),
    29: row(
        "class out of range, unknown label names",
        "engine/session/test_faults::test_an_unknown_class_is_refused_with_the_list",
        "engine/io/test_files::test_labels_that_cannot_be_chosen_are_refused_with_the_list",
        "engine/cli/test_cli_causes::test_what_a_network_predicts_nowhere_and_segments_that_miss_the_image_are_one_sentence_each",
    ),
    30: row(
        "reference on another grid",
        "engine/cli/test_cli_evaluate::test_masks_on_another_grid_are_brought_to_the_image_s_and_refused_where_they_miss_it",
        "engine/protocol/test_pixel_sets::test_a_set_on_another_grid_is_carried_by_geometry",
        "engine/cli/test_cli_causes::test_what_a_network_predicts_nowhere_and_segments_that_miss_the_image_are_one_sentence_each",
        "engine/evaluation/test_causes::test_baselines_are_what_they_say",
    ),
    # numerics
    31: row(
        "all-negative CAM",
        "engine/session/test_explain::test_zero_maps_and_maps_without_positive_evidence_say_why",
        "mrml/test_overlay_display::test_only_negative_evidence_is_invisible_unless_both_signs_are_shown",
        "engine/evaluation/test_causes_faults::test_a_map_without_evidence_where_may_be_painted_gives_no_order",
    ),
    32: row(
        "fp16/bf16 overflow or underflow of gradients",
        "engine/cam/test_nonfinite::test_an_overflow_in_bf16_is_asked_again_in_fp32",
        "engine/cam/test_nonfinite::test_half_precision_weights_that_overflow_are_asked_again_in_fp32",
        "engine/cam/test_nonfinite::test_an_overflow_in_fp32_itself_is_told_not_hidden",
        "engine/session/test_precision::test_what_fp16_cannot_hold_is_asked_again_in_fp32",
        "engine/session/test_precision::test_gradients_below_fp16_s_smallest_number_are_held_by_the_scale",
        "engine/session/test_faults::test_overflowing_weights_give_a_map_that_says_it_is_not_finite",
    ),
    33: row(
        "CUDA out of memory",
        "engine/session/test_device_failures::test_every_way_to_say_that_memory_is_short",
        "engine/session/test_window_memory::test_a_shortage_of_memory_goes_on_with_smaller_settings_and_says_so",
        "engine/session/test_window_memory::test_a_prediction_goes_on_with_fewer_windows_when_memory_is_short",
        open=GPU,
    ),
    34: row(
        "CUDA lost, driver mismatch, no GPU, MPS op missing",
        "engine/doctor/test_doctor::test_a_driver_too_old_for_the_build_leaves_the_cpu",
        "engine/doctor/test_doctor::test_a_card_for_which_torch_has_no_code_is_named_and_leaves_the_cpu",
        "gui/test_panel_first_install::test_a_card_that_is_no_use_leaves_the_map_to_the_cpu",
        "engine/session/test_device_failures::test_a_gpu_of_our_choice_that_does_not_compute_leaves_it_to_the_cpu_and_says_so",
        "engine/session/test_device_failures::test_a_device_the_user_chose_and_a_lost_one_end_in_one_sentence",
        "engine/session/test_device_failures::test_a_worker_that_has_lost_its_gpu_answers_and_ends",
        "mrml/test_worker_ends::test_after_a_lost_gpu_the_next_process_takes_what_waits",
        "engine/session/test_device_failures::test_a_broken_driver_leaves_the_cpu_and_its_reason",
        open=GPU,
    ),
    35: row(
        "nondeterminism",
        "engine/session/test_explain::test_the_same_question_gives_the_same_bits_and_provenance_names_everything_by_hash",
        "engine/session/test_determinism::test_deterministic_algorithms_are_enforced_on_request_only",
        "engine/evaluation/test_causes_faults::test_the_same_seed_draws_the_same_orders_and_another_one_others",
        open=GPU,
    ),
    # process and files
    36: row(
        "cancel anywhere; window, scene or node gone",
        "engine/worker/test_worker::test_cancel_stops_a_slow_network_and_the_worker_goes_on",
        "mrml/test_worker_ends::test_cancel_ends_the_whole_tree_behind_a_launcher_and_the_next_request_starts_anew",
        "gui/test_panel_faults::test_cancel_ends_a_running_pass_and_the_scene_is_unchanged",
        "gui/test_panel_faults::test_closing_the_scene_ends_the_worker_and_leaves_a_usable_panel",
        "gui/test_panel_faults::test_deleting_the_volume_stops_the_question",
        "gui/test_panel_large::test_cancel_while_the_volume_is_read_stops_at_once",
        "engine/cli/test_cli::test_ctrl_c_during_the_computation_is_exit_code_130_and_leaves_nothing",
        "gui/test_panel_causes::test_in_the_demo_masking_the_marker_out_is_the_smallest_flip_and_cancelled_the_scene_is_unchanged",
    ),
    37: row(
        "child killed",
        "mrml/test_worker_ends::test_a_killed_worker_is_told_once_and_leaves_nothing",
        "mrml/test_worker_ends::test_a_worker_that_the_system_killed_says_that_memory_may_be_short",
        "gui/test_panel_faults::test_a_killed_worker_is_told_and_the_next_apply_starts_another",
        "mrml/test_kills::test_thirty_kills_of_the_worker",
        "gui/test_panel_own_model::test_a_draft_that_is_cancelled_or_whose_worker_dies_leaves_nothing_and_can_be_asked_again",
    ),
    38: row(
        "disk full, read-only, spaces, Unicode, > 260 characters, output exists",
        "engine/protocol/test_new_files::test_a_disk_that_fills_up_at_any_rename_leaves_nothing",
        "engine/cli/test_cli_explain::test_a_full_disk_is_one_sentence_and_leaves_nothing",
        "engine/worker/test_worker::test_a_full_disk_is_an_error_that_leaves_no_half_file",
        "gui/test_panel_export::test_a_full_disk_or_a_folder_that_is_gone_is_one_sentence_and_no_half_file",
        "engine/repository/test_promises::test_a_place_where_nothing_can_be_written_is_told_before_the_model_is_opened",
        "mrml/test_export::test_spaces_and_unicode_in_the_path_are_fine",
        "engine/cli/test_cli::test_a_folder_with_something_in_it_is_left_alone_unless_told_otherwise",
        "engine/cli/test_own_inputs::test_predict_never_replaces_its_image_by_whatever_name",
        open="not measured: paths beyond 260 characters need Windows",
    ),
    39: row(
        "two runs at once, same folder, stale lock, resume, changed model under the same name",
        "engine/cli/test_result_files::test_of_two_runs_at_once_one_gets_the_folder_and_the_other_a_sentence",
        "engine/cli/test_result_files::test_overwrite_replaces_the_whole_run_and_leaves_no_stale_file",
        "engine/cli/test_result_files::test_the_next_run_removes_what_a_killed_one_left_and_never_a_living_one_s",
        "engine/worker/test_worker::test_a_model_file_that_vanishes_or_changes_is_noticed",
        "engine/models/test_file_stamp::test_the_worker_opens_a_model_anew_whose_weights_were_swapped",
        "engine/cohort/test_resuming::test_a_question_killed_at_any_step_is_whole_or_not_there",
        "engine/cohort/test_resuming::test_two_runs_at_once_share_the_work_and_none_is_done_twice",
        "engine/cohort/test_resuming::test_only_parts_of_one_cohort_share_a_folder",
    ),
    40: row(
        "patient data in tags, file names, descriptions",
        "engine/cli/test_cli_explain::test_no_patient_name_of_a_dicom_folder_reaches_any_output",
        "engine/cli/test_planted_names::test_no_output_of_any_command_holds_the_name_of_a_model_image_or_label_file",
        "engine/cohort/test_answers::test_no_name_of_a_file_or_case_leaves_cases_csv",
        "mrml/test_overlay::test_no_patient_name_reaches_anything_we_write",
        "mrml/test_panel_parts::test_the_shelf_remembers_paths_here_and_keys_in_the_scene",
        "gui/test_panel_names::test_the_name_is_in_no_file_no_log_no_message_and_no_words_of_ours",
        "engine/io/test_dicom_identifiers::test_every_tag_is_listed_and_nothing_planted_is_found",
        "engine/io/test_dicom_identifiers::test_odd_dates_are_left_empty_and_repeated_nowhere",
    ),
    # environment
    41: row(
        "dependency missing, install offline",
        "gui/test_panel_first_install::test_pip_without_a_network_and_behind_a_proxy_that_refuses",
        "engine/models/test_monai_bundle::test_without_monai_the_questions_are_answered_and_opening_names_the_command",
        "gui/test_panel_faults::test_missing_packages_are_offered_not_installed",
        "mrml/test_panel_parts::test_a_failed_installation_is_told_and_can_be_tried_again",
    ),
    42: row(
        "numpy ABI clash",
        "engine/worker/test_worker::test_without_a_usable_torch_the_worker_says_so_and_ends",
        "engine/doctor/test_doctor::test_a_torch_that_does_not_load_is_named_with_what_to_do",
    ),
    43: row(
        "hook leak after 100 runs",
        "engine/repository/test_promises::test_after_a_hundred_questions_no_hook_and_no_tensor_more_is_there",
    ),
    44: row(
        "8-bit GPU display",
        "mrml/test_overlay_display::test_other_settings_change_the_look_and_not_the_values",
    ),
    45: row(
        "locale with decimal comma",
        "engine/worker/test_worker_messages::test_lines_hold_no_nan_and_points_in_every_locale",
    ),
    46: row(
        "clock skew",
        "engine/models/test_file_stamp::test_another_content_under_the_same_size_and_time_is_another_stamp",
        "engine/models/test_file_stamp::test_the_stamp_of_a_model_names_no_time",
        "engine/models/test_factory::test_with_consent_to_this_content_it_opens_and_another_content_asks_again",
        "engine/cli/test_cli_explain::test_asking_again_by_the_sidecar_gives_the_same_files",
    ),
    47: row(
        "symbolic-link loops in a cohort folder", "engine/cohort/test_plans::test_links_in_a_circle_are_no_more_files"
    ),
    48: row(
        "formula injection in case ids",
        "engine/protocol/test_spreadsheet::test_texts_that_look_like_formulas_are_escaped_and_numbers_are_not",
        "engine/cohort/test_table::test_a_case_that_a_spreadsheet_would_run_is_text",
        "engine/cli/test_cli_causes::test_the_anatomy_stands_beside_the_map_and_no_name_is_a_formula",
    ),
}
