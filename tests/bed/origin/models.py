"""models.py schema|rows|gone ORIGIN URL: the bot's own models on a database.

schema  generate_schemas, as the bot's first step does
rows    reads all rows of all models with what they belong to, then writes, reads, changes and deletes one of each
gone    deletes the guild of the scan's rows, and sees that nothing of it is left
"""
import asyncio
import datetime
import sys
import uuid

what, origin, url = sys.argv[1:]
sys.path.insert(0, f"{origin}/python")

from tortoise import Tortoise, fields  # noqa: E402

made = {}


def value_for(model, name, field):
    """Something that a column takes and that tells its row from others."""
    if isinstance(field, fields.DatetimeField):
        return datetime.datetime.now(datetime.timezone.utc)
    if isinstance(field, fields.UUIDField):
        return uuid.uuid4()
    if isinstance(field, fields.BooleanField):
        return True
    if isinstance(field, fields.JSONField):
        return {"a": [1, "é"]}
    if isinstance(field, (fields.IntField, fields.BigIntField)):
        return 7
    if isinstance(field, fields.FloatField):
        return 1.5
    if getattr(field, "enum_type", None):
        return list(field.enum_type)[0]
    return f"{model.__name__}{name}"[: getattr(field, "max_length", None) or 100]


async def make(model):
    """One row of a model, with all columns set, and of the models that it belongs to."""
    if model in made:
        return made[model]
    values = {}
    for name, field in model._meta.fields_map.items():
        if isinstance(field, (fields.relational.ForeignKeyFieldInstance, fields.relational.OneToOneFieldInstance)):
            values[name] = await make(field.related_model)
        elif name in model._meta.db_fields and not getattr(field, "reference", None):
            if not (field.pk and getattr(field, "generated", False)):
                values[name] = value_for(model, name, field)
    made[model] = await model.create(**values)
    return made[model]


def models():
    return [m for m in Tortoise.apps["models"].values()]


async def rows():
    for model in models():
        links = [n for n, f in model._meta.fields_map.items() if isinstance(f, fields.relational.RelationalField)]
        for row in await model.all().prefetch_related(*links).limit(200):
            await row.save()  # what was read can be written
    read = {m.__name__: await m.all().count() for m in models()}
    for model in models():
        row = await make(model)
        again = await model.get(pk=row.pk)
        assert again.pk == row.pk or str(again.pk) == str(row.pk), (model, again.pk, row.pk)
        await again.save()
    for model in reversed(models()):
        await model.filter(pk=made[model].pk).delete()
    left = {m.__name__: await m.all().count() for m in models()}
    assert left == read, (read, left)
    print("models", len(read), "rows", sum(read.values()))


async def gone():
    by_name = {m.__name__: m for m in models()}
    guild = (await by_name["Clip"].all().limit(1))[0].guild_id
    await (await by_name["Guild"].get(id=guild)).delete()
    for model in models():
        if "guild_id" in model._meta.db_fields:
            assert await model.filter(guild_id=guild).count() == 0, model
    for name in ("Thumbnail", "FailedThumbnail", "ClipTag", "FavoriteClip"):
        assert await by_name[name].all().count() == 0, name


async def main():
    await Tortoise.init(db_url=url, modules={"models": ["shared.db.models"]})
    try:
        if what == "schema":
            await Tortoise.generate_schemas(safe=True)
        else:
            await {"rows": rows, "gone": gone}[what]()
    finally:
        await Tortoise.close_connections()


asyncio.run(main())
