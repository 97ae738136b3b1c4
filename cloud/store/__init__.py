"""SQLAlchemy Core behind typed functions; no other folder imports sqlalchemy."""
