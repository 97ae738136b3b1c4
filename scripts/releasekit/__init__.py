"""What scripts/release, scripts/sbom and the installers are made of. Needs nothing but Python, save where it signs."""
