"""What a site decides: ``file`` reads agent.yaml, the others hold the shapes of its sections."""

from edge_agent.config.cloud import BudgetConfig, CloudConfig, UplinkConfig
from edge_agent.config.file import AgentConfig, Limits, LogConfig, StatusConfig, load_config
from edge_agent.config.gateways import GatewayConfig, SipConfig, TrunkConfig
from edge_agent.config.healing import HealingConfig
from edge_agent.config.kinds import AnyDevice
from edge_agent.config.links import FreeswitchConfig, SmppConfig
from edge_agent.config.modems import AudioConfig, DeviceConfig
from edge_agent.config.reading import ConfigError
from edge_agent.config.sims import Quotas, SelfTestConfig, SimConfig, SimsConfig

__all__ = [
    "AgentConfig",
    "AnyDevice",
    "AudioConfig",
    "BudgetConfig",
    "CloudConfig",
    "ConfigError",
    "DeviceConfig",
    "FreeswitchConfig",
    "GatewayConfig",
    "HealingConfig",
    "Limits",
    "LogConfig",
    "Quotas",
    "SelfTestConfig",
    "SimConfig",
    "SimsConfig",
    "SipConfig",
    "SmppConfig",
    "StatusConfig",
    "TrunkConfig",
    "UplinkConfig",
    "load_config",
]
