"""Which test fails when one of the eight promises is broken; rows as in fault_table."""

from __future__ import annotations

from engine.fault_table import GPU, row

PROMISES = {
    "P1": row(
        "no code from a model or data file runs without an explicit yes",
        "engine/models/test_factory::test_without_consent_the_author_s_file_leaves_no_trace",
        "engine/cli/test_cli_inputs::test_nothing_of_the_author_runs_without_a_yes_to_exactly_this_content",
        "engine/models/test_monai_safety::test_code_where_we_read_is_listed_and_never_runs_without_a_yes",
        "engine/models/test_torchscript::test_payloads_in_its_pickles_do_not_run",
        "engine/models/test_factory_siblings::test_what_lies_beside_the_file_is_imported_and_is_part_of_the_yes",
        "engine/protocol/test_fuzz_descriptions::test_no_mutated_model_runs_hangs_fills_the_memory_or_ends_in_a_traceback",
        "gui/test_panel_text::test_the_real_question_before_a_models_code_runs_is_read_as_it_is",
        "gui/test_panel_faults::test_a_model_with_code_is_asked_for_once_and_no_is_respected",
    ),
    "P2": row(
        "Slicer does not crash: torch runs in a child process",
        "engine/repository/test_walls::test_the_slicer_building_never_loads_torch_or_qt",
        "mrml/test_worker_ends::test_a_killed_worker_is_told_once_and_leaves_nothing",
        "engine/worker/test_worker_bad_lines::test_every_bad_line_gets_an_error_and_the_worker_goes_on",
        "engine/worker/test_worker_bad_lines::test_a_worker_that_computes_ends_with_its_stdin_also_after_bad_lines",
        "mrml/test_kills::test_thirty_kills_of_the_worker",
    ),
    "P3": row(
        "no network, no telemetry, no open port",
        "engine/repository/test_promises::test_a_command_asks_nobody_on_the_network",
        "engine/repository/test_promises::test_the_worker_asks_nobody_on_the_network_and_opens_no_port",
        # a cohort on several processes opens ports on the loopback, with certificates of its own, and no other
        "engine/cohort/test_on_dask::test_the_embedded_cluster_listens_on_the_loopback_only_and_speaks_tls",
        "engine/models/test_monai_safety::test_pretrained_is_never_fetched",
        "engine/cli/test_report_in_a_browser::test_a_browser_shows_all_of_it_and_asks_nobody",
    ),
    "P4": row(
        "no patient identifiers in anything we write but DICOM objects, which are written when asked for",
        "engine/cli/test_planted_names::test_no_output_of_any_command_holds_the_name_of_a_model_image_or_label_file",
        "engine/cohort/test_answers::test_no_name_of_a_file_or_case_leaves_cases_csv",
        "engine/cli/test_cli_explain::test_no_patient_name_of_a_dicom_folder_reaches_any_output",
        "engine/cli/test_cli_report::test_no_name_is_in_a_page_unless_names_are_asked_for",
        "engine/worker/test_worker::test_a_planted_name_is_found_in_nothing_the_worker_says_or_logs",
        "mrml/test_pictures::test_a_patients_name_is_drawn_nowhere_and_stands_in_no_picture_file",
        "gui/test_panel_names::test_the_name_is_in_no_file_no_log_no_message_and_no_words_of_ours",
    ),
    "P5": row(
        "every map carries provenance and can be re-made",
        "engine/session/test_explain::test_the_same_question_gives_the_same_bits_and_provenance_names_everything_by_hash",
        "engine/cli/test_cli_explain::test_asking_again_by_the_sidecar_gives_the_same_files",
        open=GPU,
    ),
    "P6": row(
        "no silent failure: zero, NaN, degenerate maps are labelled",
        "engine/session/test_explain::test_zero_maps_and_maps_without_positive_evidence_say_why",
        "engine/session/test_faults::test_overflowing_weights_give_a_map_that_says_it_is_not_finite",
        "engine/cli/test_cli_evaluate::test_a_map_of_zeros_and_one_that_is_not_finite_are_statuses_not_crashes",
        "mrml/test_overlay_display::test_a_zero_map_is_there_but_invisible_and_the_legend_says_why",
    ),
    "P7": row(
        "Cancel within 2 s, scene unchanged",
        "engine/worker/test_worker::test_cancel_stops_a_slow_network_and_the_worker_goes_on",
        "mrml/test_worker_ends::test_cancel_ends_the_whole_tree_behind_a_launcher_and_the_next_request_starts_anew",
        "gui/test_panel_faults::test_cancel_ends_a_running_pass_and_the_scene_is_unchanged",
    ),
    "P8": row(
        "results are written atomically",
        "engine/cli/test_result_files::test_a_run_killed_at_any_step_leaves_the_old_or_the_new_and_the_next_run_removes_the_rest",
        "engine/worker/test_kills::test_thirty_kills_of_the_command_line",
        "mrml/test_export::test_voxels_and_sidecar_never_mismatch_wherever_slicer_is_killed_and_the_next_export_puts_it_"
        "right",
        "mrml/test_kills::test_thirty_kills_of_the_export",
    ),
}
