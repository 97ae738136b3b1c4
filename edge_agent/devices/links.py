"""From a site's configuration to an SMPP link or a FreeSWITCH."""

from __future__ import annotations

from collections.abc import Mapping

from edge_agent.config.links import FreeswitchConfig, NumberingConfig, SmppConfig
from edge_agent.contracts import Device
from edge_agent.drivers.sip.stack import SipStack
from telecore.errors import InvalidRequest
from telecore.ids import E164, ChannelId, EdgeId, channel_id


def freeswitch_channels(config: FreeswitchConfig, edge: EdgeId) -> Mapping[ChannelId, E164 | None]:
    """A channel for each trunk, and its first number."""
    return {
        channel_id(edge, config.id, n): trunk.numbers[0] if trunk.numbers else None
        for n, trunk in enumerate(config.trunks, 1)
    }


def make_smpp(config: SmppConfig, edge: EdgeId) -> Device:
    """A new one, not open. Raises InvalidRequest."""
    from edge_agent.drivers.gateway.smpp import SmppDevice
    from edge_agent.drivers.gateway.smpp_settings import (
        CODINGS,
        Alphabet,
        Bind,
        LongMessages,
        Numbering,
        ReceiptIds,
        SmppSettings,
        Validity,
    )

    def numbering(given: NumberingConfig) -> Numbering:
        return Numbering(given.ton, given.npi)

    try:
        settings = SmppSettings(
            device=config.id,
            channel=channel_id(edge, config.id),
            host=config.host,
            port=config.port,
            system_id=config.user,
            password=config.password,
            tls=config.tls,
            tls_ca=config.tls_ca,
            tls_verify=config.tls_verify,
            system_type=config.system_type,
            bind=Bind(config.bind),
            bind_addresses=numbering(config.bind_addresses),
            address_range=config.address_range,
            numbers=config.numbers,
            sender=config.sender,
            source=numbering(config.source),
            destination=numbering(config.destination),
            service_type=config.service_type,
            window=config.window,
            submits_per_s=config.submits_per_s,
            enquire_s=config.enquire_s,
            answer_s=config.answer_s,
            long=LongMessages(config.long),
            alphabet=Alphabet(config.alphabet),
            codings={**CODINGS, **config.codings},
            receipt_ids=ReceiptIds(config.receipt_ids),
            validity=Validity(config.validity),
        )
    except ValueError as error:
        raise InvalidRequest(f"device {config.id}: {error}") from error
    return SmppDevice(settings)


def make_freeswitch(config: FreeswitchConfig, edge: EdgeId, stack: SipStack) -> Device:
    """A new one, not open. Raises InvalidRequest."""
    from edge_agent.drivers.freeswitch.settings import FreeswitchSettings, TrunkSettings
    from edge_agent.drivers.freeswitch.switch import on_stack

    settings = FreeswitchSettings(
        device=config.id,
        password=config.password,
        trunks=tuple(
            TrunkSettings(
                channel=channel_id(edge, config.id, n),
                gateway=trunk.gateway,
                dial_string=trunk.dial_string,
                number=trunk.numbers[0] if trunk.numbers else None,
                numbers=trunk.numbers,
                max_calls=trunk.calls,
            )
            for n, trunk in enumerate(config.trunks, 1)
        ),
        host=config.host,
        port=config.port,
        sip_host=config.host,
        sip_port=config.sip_port,
        agent_profile=config.agent_profile,
        poll_s=config.poll_s,
    )
    return on_stack(settings, stack)
