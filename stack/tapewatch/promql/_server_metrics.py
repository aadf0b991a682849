"""Metrics that the servers themselves expose, as far as their types matter for checks.

The types are those that Prometheus 3.13.5, Alertmanager 0.34.2 and node_exporter 1.12.1 give on their own `/metrics`
pages; of Loki, Jaeger, Grafana and the blackbox exporter the ones that alerts usually use. What node_exporter calls
untyped is in no list. A counter is known by its suffix `_total`: none of these servers breaks that habit.
"""

from __future__ import annotations

from tapewatch.promql._names import names

__all__ = ["GAUGES", "HISTOGRAMS", "PREFIXES", "TARGET_METRICS"]

TARGET_METRICS = names(
    """
    up scrape_duration_seconds scrape_samples_scraped scrape_samples_post_metric_relabeling scrape_series_added
    scrape_timeout_seconds scrape_sample_limit scrape_body_size_bytes
    """
)
"""Gauges that Prometheus adds for each target; they carry the target's labels and no others."""

GAUGES = names(
    """
    ALERTS ALERTS_FOR_STATE alertmanager_alerts alertmanager_alerts_per_alert_limit alertmanager_build_info
    alertmanager_cluster_enabled alertmanager_cluster_members alertmanager_config_hash
    alertmanager_config_last_reload_success_timestamp_seconds alertmanager_config_last_reload_successful
    alertmanager_dispatcher_aggregation_groups alertmanager_http_requests_in_flight alertmanager_inhibition_rules
    alertmanager_integrations alertmanager_nflog_snapshot_size_bytes alertmanager_receivers alertmanager_silences
    alertmanager_silences_matcher_index_size alertmanager_silences_snapshot_size_bytes
    alertmanager_silences_state_size alertmanager_silences_version_index_size go_goroutines go_info
    go_memstats_alloc_bytes go_memstats_heap_alloc_bytes go_memstats_heap_inuse_bytes go_memstats_sys_bytes
    go_threads grafana_alerting_active_alerts grafana_build_info grafana_stat_totals_dashboard loki_build_info
    loki_ingester_memory_chunks loki_ingester_memory_streams node_boot_time_seconds node_disk_io_now
    node_filefd_allocated node_filefd_maximum node_filesystem_avail_bytes node_filesystem_files
    node_filesystem_files_free node_filesystem_free_bytes node_filesystem_readonly node_filesystem_size_bytes
    node_hwmon_temp_celsius node_load1 node_load15 node_load5 node_memory_Buffers_bytes node_memory_Cached_bytes
    node_memory_MemAvailable_bytes node_memory_MemFree_bytes node_memory_MemTotal_bytes node_memory_SwapFree_bytes
    node_memory_SwapTotal_bytes node_network_up node_procs_blocked node_procs_running node_time_seconds
    node_timex_maxerror_seconds node_timex_offset_seconds node_timex_sync_status node_uname_info
    probe_dns_lookup_time_seconds probe_duration_seconds probe_http_duration_seconds probe_http_ssl
    probe_http_status_code probe_ip_protocol probe_ssl_earliest_cert_expiry probe_success process_max_fds
    process_open_fds process_resident_memory_bytes process_start_time_seconds process_virtual_memory_bytes
    prometheus_api_notification_active_subscribers prometheus_build_info
    prometheus_config_last_reload_success_timestamp_seconds prometheus_config_last_reload_successful
    prometheus_engine_queries prometheus_engine_queries_concurrent_max prometheus_engine_query_log_enabled
    prometheus_notifications_alertmanagers_discovered prometheus_notifications_queue_capacity
    prometheus_notifications_queue_length prometheus_ready prometheus_remote_read_handler_queries
    prometheus_remote_storage_highest_timestamp_in_seconds prometheus_remote_storage_samples_pending
    prometheus_remote_storage_shards prometheus_rule_group_interval_seconds
    prometheus_rule_group_last_duration_seconds prometheus_rule_group_last_evaluation_timestamp_seconds
    prometheus_rule_group_rules prometheus_sd_failed_configs prometheus_target_scrape_pool_targets
    prometheus_treecache_watcher_goroutines prometheus_tsdb_blocks_loaded prometheus_tsdb_clean_start
    prometheus_tsdb_compaction_populating_block prometheus_tsdb_data_replay_duration_seconds
    prometheus_tsdb_exemplar_exemplars_in_storage prometheus_tsdb_exemplar_last_exemplars_timestamp_seconds
    prometheus_tsdb_exemplar_max_exemplars prometheus_tsdb_exemplar_series_with_exemplars_in_storage
    prometheus_tsdb_head_active_appenders prometheus_tsdb_head_chunks prometheus_tsdb_head_chunks_storage_size_bytes
    prometheus_tsdb_head_max_time prometheus_tsdb_head_max_time_seconds prometheus_tsdb_head_min_time
    prometheus_tsdb_head_min_time_seconds prometheus_tsdb_head_series prometheus_tsdb_head_stale_series
    prometheus_tsdb_isolation_high_watermark prometheus_tsdb_isolation_low_watermark
    prometheus_tsdb_lowest_timestamp prometheus_tsdb_lowest_timestamp_seconds prometheus_tsdb_retention_limit_bytes
    prometheus_tsdb_retention_limit_percentage prometheus_tsdb_retention_limit_seconds
    prometheus_tsdb_storage_blocks_bytes prometheus_tsdb_symbol_table_size_bytes prometheus_tsdb_wal_segment_current
    prometheus_tsdb_wal_storage_size_bytes
    """
)

HISTOGRAMS = names(
    """
    alertmanager_http_request_duration_seconds alertmanager_http_response_size_bytes
    alertmanager_nflog_query_duration_seconds alertmanager_notification_latency_seconds
    alertmanager_silences_query_duration_seconds go_gc_heap_allocs_by_size_bytes go_gc_heap_frees_by_size_bytes
    go_gc_pauses_seconds go_sched_latencies_seconds go_sched_pauses_stopping_gc_seconds
    go_sched_pauses_stopping_other_seconds go_sched_pauses_total_gc_seconds go_sched_pauses_total_other_seconds
    grafana_http_request_duration_seconds jaeger_storage_latency_seconds loki_ingester_chunk_age_seconds
    loki_ingester_chunk_size_bytes loki_request_duration_seconds prometheus_engine_query_duration_histogram_seconds
    prometheus_http_request_duration_seconds prometheus_http_response_size_bytes
    prometheus_remote_storage_sent_batch_duration_seconds prometheus_rule_evaluation_duration_histogram_seconds
    prometheus_rule_group_duration_histogram_seconds prometheus_target_scrape_duration_seconds
    prometheus_tsdb_compaction_chunk_range_seconds prometheus_tsdb_compaction_chunk_samples
    prometheus_tsdb_compaction_chunk_size_bytes prometheus_tsdb_compaction_duration_seconds
    prometheus_tsdb_sample_ooo_delta prometheus_tsdb_stale_series_compaction_duration_seconds
    prometheus_tsdb_tombstone_cleanup_seconds
    """
)

PREFIXES = (
    "prometheus_",
    "alertmanager_",
    "loki_",
    "jaeger_",
    "otelcol_",
    "grafana_",
    "cortex_",  # Mimir's own
    "thanos_",
    "node_",
    "probe_",
    "process_",
    "go_",
    "python_",
    "promhttp_",
    "scrape_",
    "net_conntrack_",
    "http_server_",
    "http_client_",
    "rpc_server_",
    "target_info",
    "traces_span_metrics_",
)
"""A metric of another name belongs to a server if it begins with one of these; only its suffix tells the type."""
