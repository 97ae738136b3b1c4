"""One condition per file; the list of them all."""

from edge_agent.health.checks.audio_echo import audio_echo
from edge_agent.health.checks.audio_oneway import audio_oneway
from edge_agent.health.checks.balance_low import balance_low
from edge_agent.health.checks.certificate_expiring import certificate_expiring
from edge_agent.health.checks.clock_wrong import clock_wrong
from edge_agent.health.checks.data_budget import data_budget
from edge_agent.health.checks.device_flapping import device_flapping
from edge_agent.health.checks.disk_low import disk_low
from edge_agent.health.checks.enrolment_refused import enrolment_refused
from edge_agent.health.checks.half_up import half_up
from edge_agent.health.checks.not_registered import not_registered
from edge_agent.health.checks.operator_outage import operator_outage
from edge_agent.health.checks.part_fell import part_fell
from edge_agent.health.checks.pin_unused import pin_unused
from edge_agent.health.checks.quota_reached import quota_reached
from edge_agent.health.checks.shows_only_disk import shows_only_disk
from edge_agent.health.checks.sim_denied import sim_denied
from edge_agent.health.checks.sim_fault import sim_fault
from edge_agent.health.checks.sim_locked import sim_locked
from edge_agent.health.checks.sim_reminders import sim_reminders
from edge_agent.health.checks.sip_strangers import sip_strangers
from edge_agent.health.checks.sms_storage_full import sms_storage_full
from edge_agent.health.checks.spool_broken import memory_lost, spool_broken, spool_failing
from edge_agent.health.checks.spool_growing import spool_growing
from edge_agent.health.checks.suspect_blocked import suspect_blocked
from edge_agent.health.checks.tunnel_down import tunnel_down
from edge_agent.health.checks.weak_signal import weak_signal
from edge_agent.health.conditions import Check

CHECKS: tuple[Check, ...] = (
    Check(sim_locked, 0.0),
    Check(sim_fault, 0.0),
    Check(sim_denied, 0.0),
    Check(suspect_blocked, 0.0),
    Check(sim_reminders, 0.0),
    Check(balance_low, 0.0),
    Check(quota_reached, 0.0),
    Check(operator_outage, 0.0),
    Check(device_flapping, 60.0),
    Check(shows_only_disk, 30.0),
    Check(sms_storage_full, 60.0),
    Check(not_registered, 120.0),
    Check(half_up, 60.0),
    Check(weak_signal, 600.0),
    Check(pin_unused, 120.0),
    Check(disk_low, 60.0),
    Check(spool_growing, 60.0),
    Check(spool_broken, 0.0),
    Check(memory_lost, 0.0),
    Check(spool_failing, 0.0),
    Check(tunnel_down, 60.0),
    Check(enrolment_refused, 0.0),
    Check(clock_wrong, 0.0),
    Check(certificate_expiring, 0.0),
    Check(part_fell, 0.0),
    Check(audio_oneway, 0.0),
    Check(audio_echo, 0.0),
    Check(sip_strangers, 0.0),
    Check(data_budget, 0.0),
)
