"""What tells whoever shares out the calls that this process can serve none: database or store is away."""

from app import create_app
from config import Settings, load
from tests.test_background import environment
from tests.world import World


def test_a_process_is_ready_while_database_and_store_answer(world: World) -> None:
    assert world.app.test_client().get("/health/ready").status_code == 200


def test_without_database_or_store_it_lives_and_is_not_ready(world: World, settings: Settings) -> None:
    given = environment(settings)
    for name, away in (("DATABASE_URL", "postgresql://x:x@127.0.0.1:9/x"), ("REDIS_URL", "redis://127.0.0.1:9/0")):
        client = create_app(load({**given, name: away})).test_client()
        assert client.get("/health/ready").status_code == 503
        assert client.get("/health/live").status_code == 200
