// queries.cjs BUNDLE: calls every query function of the interface (a bundle of its server/db/queries, made by origin_test.sh) with
// arguments of all kinds on the database of DATABASE_URL, whose rows a scan made. Prints one JSON line: calls, failed, functions.
// A function that this list does not know counts as failed, so that a new one is noticed.
const { randomUUID } = require("crypto");
const origin = require(process.argv[2]);
const db = origin.db.getDb();
let calls = 0;
const failed = [];
const seen = new Set();

async function call(module, name, ...args) {
    calls++;
    seen.add(`${module}.${name}`);
    try {
        return await origin[module][name](...args);
    } catch (error) {
        failed.push(`${module}.${name}(${JSON.stringify(args)}): ${error.message}`);
    }
}

// one(...): a value is wrong when it is not as expected.
function expect(what, condition) {
    if (!condition) failed.push(`${what}: not as expected`);
}

async function clipQueries(guild, channel, user, author, tag) {
    const orders = ["asc", "desc"];
    const sorts = ["date", "duration", "size", "likes", "random"];
    for (const order of orders)
        for (const sort of sorts)
            for (const owner of [false, true])
                for (const filters of [[], [[author]], [undefined, user], [undefined, user, true], [[author], user, false]]) {
                    const [authors, who, favorites] = filters;
                    await call("clips", "getClipsByGuildId", guild, 20, 0, order, sort, authors, who, favorites, owner);
                    await call("clips", "getClipsByChannelIds", [channel, "1"], 20, 0, order, sort, authors, who, favorites, owner);
                    if (!authors) await call("clips", "getClipsByChannelId", channel, 20, 0, order, sort, who, favorites, owner);
                }
    for (const tags of [[[tag]], [undefined, [tag]], [undefined, undefined, [tag]], [[tag], [tag]], [undefined, undefined, undefined, "clip"]])
        for (const page of [0, 5]) {
            await call("clips", "getClipsByGuildId", guild, 5, page, "desc", "date", undefined, user, false, false, ...tags);
            await call("clips", "getClipsByChannelIds", [channel], 5, page, "desc", "date", undefined, user, false, true, ...tags);
        }
    for (const order of orders) await call("clips", "getFavoriteClips", user, [guild], 10, 0, order);
}

async function main() {
    const clip = (await db.selectFrom("clip").selectAll().orderBy("id").execute())[0];
    const { guild_id: guild, channel_id: channel, author_id: author } = clip;
    const user = "900000000000000001";
    const person = { id: user, username: "Visitor", discriminator: "0", roles: "user" };
    await call("users", "upsertUser", person);
    await call("users", "upsertUser", { ...person, avatar_url: "https://example.invalid/a.png" });
    await call("users", "upsertUser", { ...person, id: author, username: "Author" });
    await call("users", "updateUser", { id: user, username: "Renamed", updated_at: new Date() });
    expect("user", (await call("users", "getUserByDiscordId", user))?.username === "Renamed");
    await call("users", "getUserByDiscordId", "1");
    expect("authors of a guild", (await call("users", "getAuthorStatsByGuildId", guild))?.length === 1);

    for (const ids of [[], [guild], [guild, "1"]]) {
        await call("guilds", "getGuildsByIds", ids);
        await call("guilds", "getGuildsByIdsWithClipCount", ids);
        for (const withClipCount of [undefined, false, true])
            for (const withAuthorCount of [false, true]) await call("guilds", "getGuildsByIdsWithStats", ids, { withClipCount, withAuthorCount });
    }
    expect("guild", (await call("guilds", "getSingleGuildById", guild))?.id === guild);
    for (let i = 0; i < 2; i++) await call("guilds", "setGuildOwnerIfUnclaimed", guild, user);
    for (const on of [false, true]) await call("guilds", "updateGuildMessageScanEnabled", guild, on);

    await call("guild_settings", "getGuildSettings", guild);
    await call("guild_settings", "upsertGuildSettings", guild, { default_visibility: "public" }, { is_enabled: true });
    await call("guild_settings", "upsertGuildSettings", guild, { default_visibility: "unlisted" });
    await call("guild_settings", "upsertGuildSettings", guild, undefined, { text_include_regex: null });
    expect("settings", (await call("guild_settings", "getGuildSettings", guild))?.settings?.default_visibility === "unlisted");
    await call("guild_settings", "deleteGuildSettings", guild);

    expect("channels", (await call("channels", "getChannelsByGuildId", guild))?.length === 1);
    expect("clips of a channel", (await call("channels", "getChannelsByGuildIdWithClipCount", guild))?.length === 1);
    for (const on of [false, true]) {
        await call("channels", "bulkUpdateChannelsEnabled", guild, on);
        await call("channels", "updateChannelEnabled", guild, channel, on);
    }
    expect("channel", (await call("channels", "getChannelById", guild, channel))?.id === channel);

    for (const name of ["getAuthorsByGuildId", "getAuthorStatsByGuildId"]) expect(name, (await call("authors", name, guild))?.length > 0);
    for (const name of ["getAuthorById", "getAuthorStatsById"]) {
        expect(name, (await call("authors", name, guild, author))?.user_id === author);
        await call("authors", name, guild, "1");
    }

    const status = await call("scan_status", "getChannelScanStatus", guild, channel);
    expect("scan", status?.status === "SUCCEEDED" && status.forward_message_id !== null);
    await call("scan_status", "getGuildScanStatuses", guild);
    await call("scan_status", "getScanStatusesForChannels", guild, [channel, "1"]);
    await call("scan_status", "getScanStatusesForChannels", guild, []);
    await call("scan_status", "updateChannelScanStatus", guild, channel, { status: "CANCELLED", error_message: "by hand" });
    await call("scan_status", "upsertChannelScanStatus", guild, channel, { status: "SUCCEEDED", error_message: null });

    const expires_at = new Date(Date.now() + 600000);
    await call("install_intents", "createInstallIntent", { user_id: user, guild, state: "s1", expires_at });
    await call("install_intents", "createInstallIntent", { user_id: user, guild: null, state: "s2", expires_at });
    expect("intent", (await call("install_intents", "consumeInstallIntent", { state: "s1" }))?.user_id === user);
    await call("install_intents", "consumeInstallIntent", { state: "s1" });

    const tag = { guild_id: guild, name: "Best of", slug: "best-of", color: "#7C3AED", created_by_user_id: user, is_active: true, created_at: new Date() };
    const made = await call("tags", "createServerTag", { id: randomUUID(), ...tag });
    const other = await call("tags", "createServerTag", { id: randomUUID(), ...tag, slug: "other", color: null });
    for (const inactive of [false, true]) expect("tags", (await call("tags", "getServerTags", guild, inactive))?.length === 2);
    await call("tags", "getServerTagById", made.id);
    await call("tags", "updateServerTag", made.id, { name: "Best", color: null });
    for (let i = 0; i < 2; i++) await call("tags", "addTagToClip", guild, clip.id, made.id, user);
    await call("tags", "addTagToClip", guild, clip.id, other.id, user);
    expect("tags of a clip", (await call("tags", "getTagsForClips", [clip.id]))?.get(clip.id)?.length === 2);
    await call("tags", "getTagsForClips", []);

    for (let i = 0; i < 3; i++) await call("favorites", "toggleFavorite", clip.id, user);
    expect("favorite", (await call("favorites", "getFavoriteStatusForClips", [clip.id], user))?.get(clip.id) === true);
    await call("favorites", "getFavoriteStatusForClips", [], user);

    await clipQueries(guild, channel, user, author, made.id);
    for (const deleted of [false, true])
        for (const who of [undefined, user]) expect("clip", (await call("clips", "getClipById", clip.id, who, deleted))?.clip.id === clip.id);
    await call("clips", "getClipById", "none");
    expect("thumbnails of a clip", (await call("clips", "getClipById", clip.id))?.thumbnails.length === 2);
    await call("clips", "isClipExpired", clip);
    await call("clips", "updateClipCdnUrl", clip.id, clip.cdn_url, expires_at);
    expect("clips counted", Number(await call("clips", "getClipCountByChannelId", channel)) > 0);
    expect("guild of a clip", (await call("clips", "getClipGuildId", clip.id)) === guild);

    await call("tags", "removeTagFromClip", guild, clip.id, other.id);
    for (const one of [made, other]) await call("tags", "deleteServerTag", one.id);

    const known = ["withFavorites", "onlyFavorites"]; // parts of queries, used by those above
    for (const [module, functions] of Object.entries(origin))
        for (const name of module === "db" ? [] : Object.keys(functions))
            if (typeof functions[name] === "function" && !/^[A-Z]/.test(name) && !known.includes(name) && !seen.has(`${module}.${name}`))
                failed.push(`${module}.${name}: this test does not call it`);
    console.log(JSON.stringify({ calls, failed: failed.length, functions: seen.size }));
    for (const line of failed) console.error(line);
    await db.destroy();
    process.exit(failed.length > 0 ? 1 : 0);
}

main().catch((error) => {
    console.error(error);
    process.exit(1);
});
