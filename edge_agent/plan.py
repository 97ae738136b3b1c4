"""What ``check-config`` says would be done, and what would not work on this machine."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from edge_agent.config import (
    AgentConfig,
    AnyDevice,
    CloudConfig,
    DeviceConfig,
    FreeswitchConfig,
    GatewayConfig,
    SmppConfig,
    TrunkConfig,
)
from edge_agent.config.gateways import lines_of
from edge_agent.devices.discovery import auto_devices
from edge_agent.devices.profiles import ProfileError, Profiles, load_profiles
from edge_agent.devices.registry import DRIVERS, missing_package
from edge_agent.sims.recipes import RecipeError, load_recipes
from edge_agent.sims.thresholds import thresholds
from telecore.errors import InvalidRequest
from telecore.subscriber import mask


def plan(config: AgentConfig) -> tuple[list[str], list[str]]:
    """Lines that tell what would be done, and problems that a look at this machine shows."""
    problems: list[str] = []
    try:
        profiles = load_profiles(*([config.profiles] if config.profiles else []))
    except ProfileError as error:
        return [], error.message.splitlines()
    lines = [
        f"data      {config.data_dir}",
        f"cloud     {config.cloud.url or 'as enrolled'}",
        *_of_cloud(config.cloud),
        f"enrolled  {'yes' if (config.data_dir / 'identity.json').exists() else 'no: run edge-agent enrol'}",
        f"status    {f'http://127.0.0.1:{config.status.port}/status' if config.status.port is not None else 'off'}",
        f"profiles  {len(profiles.names)}",
        f"PINs      {len(config.pins)}",
    ]
    lines += _of_sims(config, problems)
    devices = config.devices if config.devices is not None else auto_devices(profiles)
    if config.devices is None:
        lines.append(f"devices   every modem that is plugged in: {len(devices)} now")
    for device in devices:
        lines.append(f"device    {_sentence(device)}")
        problems += [f"device {device.id}: {problem}" for problem in _problems(device, profiles)]
    return lines + [f"warning   {warning}" for warning in config.warnings], problems


def _of_cloud(cloud: CloudConfig) -> Iterator[str]:
    """By which ways, and for how much data."""
    if cloud.proxy is not None:
        yield f"proxy     {cloud.proxy}"
    for uplink in cloud.uplinks:
        yield f"uplink    {uplink.name}" + (f", {uplink.monthly_mb:g} MB a month" if uplink.monthly_mb else "")
    budget = cloud.budget
    if budget.monthly_mb is not None:
        yield f"data      {budget.monthly_mb:g} MB a month from day {budget.month_begins}"
    if budget.cheap_hours is not None:
        yield f"cheap     {budget.cheap_hours}: recordings wait for these hours"


def _of_sims(config: AgentConfig, problems: list[str]) -> list[str]:
    """What would be done with the accounts of SIMs, and recipes that are not there."""
    sims, test = config.sims, config.self_test
    try:
        thresholds(sims.thresholds)
    except InvalidRequest as error:
        problems.append(error.message)
    try:
        recipes = load_recipes(Path(sims.recipes) if sims.recipes else None)
    except RecipeError as error:
        problems += error.problems
        return []
    wanted = {"sims.recipe": sims.recipe, **{f"SIM {mask(iccid)}": sim.recipe for iccid, sim in sims.by_iccid.items()}}
    for who, name in wanted.items():
        if name not in ("auto", "none") and recipes.named(name) is None:
            problems.append(f"{who}: there is no recipe {name!r} (see edge-agent recipes)")
    enabled = sum(recipe.enabled for recipe in recipes.all)
    every = f"every {sims.balance_every_h:g} h" if sims.balance_every_h else "only when asked for"
    own = f", {len(recipes.own)} of them your own" if recipes.own else ""
    kinds = " and ".join(name for name, on in (("an SMS", test.sms), ("a call", test.call)) if on)
    return [
        f"balances  {every}; {enabled} of {len(recipes.all)} recipes enabled{own}",
        f"tests     {f'{kinds} between SIMs every {test.every_h:g} h' if test.every_h else 'only when asked for'}",
    ]


def _sentence(device: AnyDevice) -> str:
    return f"{device.id}: {device.driver} {_where(device)}" + ("" if device.enabled else ", switched off")


def _where(device: AnyDevice) -> str:
    if isinstance(device, GatewayConfig):
        return f"at {device.host}, {len(lines_of(device))} lines, profile {device.profile}"
    if isinstance(device, TrunkConfig):
        return f"at {device.host}, {device.calls} calls at once, profile {device.profile}"
    if isinstance(device, SmppConfig):
        return f"at {device.host}:{device.port}, {device.bind} as {device.user}"
    if isinstance(device, FreeswitchConfig):
        return f"at {device.host}:{device.port}, {len(device.trunks)} trunks"
    sound = device.sound
    audio = "no calls" if sound is None or sound.kind == "none" else f"sound on {sound.port}"
    return f"on {device.port}, {audio}, profile {device.profile}"


def _problems(device: AnyDevice, profiles: Profiles) -> Iterator[str]:
    if not isinstance(device, DeviceConfig):
        if missing := missing_package(device, profiles):
            yield missing
        elif isinstance(device, GatewayConfig | TrunkConfig):
            from edge_agent.devices.gateways import problems_of

            yield from problems_of(device, profiles)
        return
    if device.driver not in DRIVERS:
        yield f"there is no driver {device.driver!r} (there are: {', '.join(sorted(DRIVERS))})"
    if device.profile != "auto" and device.profile not in profiles.names:
        yield f"there is no profile {device.profile!r} (there are: {', '.join(profiles.names)})"
    sound = device.sound
    for port in (device.port, sound.port if sound else None):
        if port is None or "://" in port or not device.enabled:
            continue
        if not Path(port).exists():
            yield f"the port {port} is not there"
        elif not os.access(port, os.R_OK | os.W_OK):
            yield f"the port {port} may not be opened by this user"
