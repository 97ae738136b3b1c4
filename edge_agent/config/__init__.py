"""What a site decides: ``file`` reads agent.yaml, the others hold the shapes of its sections."""

from edge_agent.config.file import (
    AgentConfig,
    AudioConfig,
    CloudConfig,
    ConfigError,
    DeviceConfig,
    Limits,
    LogConfig,
    StatusConfig,
    load_config,
)
from edge_agent.config.healing import HealingConfig
from edge_agent.config.sims import Quotas, SelfTestConfig, SimConfig, SimsConfig

__all__ = [
    "AgentConfig",
    "AudioConfig",
    "CloudConfig",
    "ConfigError",
    "DeviceConfig",
    "HealingConfig",
    "Limits",
    "LogConfig",
    "Quotas",
    "SelfTestConfig",
    "SimConfig",
    "SimsConfig",
    "StatusConfig",
    "load_config",
]
