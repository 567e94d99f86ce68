/* codecs.c: the allow-list of codecs, as a table; see codecs.h.
 *
 * Owns nothing. A codec that is not listed is refused, however well the library could decode it; hardware decoders are
 * never used. */
#include "runtime/video/codecs.h"

#include <stdio.h>

#include <libavutil/dovi_meta.h>

/* Decoders by name where FFmpeg has several; NULL: its own. Hardware is never used. */
static const struct {
    enum AVCodecID id;
    const char *decoder;
} codecs[] = {
    {AV_CODEC_ID_H264, "h264"},
    {AV_CODEC_ID_HEVC, "hevc"},
    {AV_CODEC_ID_VP8, "vp8"},
    {AV_CODEC_ID_VP9, "vp9"},
    {AV_CODEC_ID_AV1, "libdav1d"},
    {AV_CODEC_ID_AV1, "libaom-av1"},
    {AV_CODEC_ID_MPEG4, "mpeg4"},
    {AV_CODEC_ID_MSMPEG4V1, "msmpeg4v1"},
    {AV_CODEC_ID_MSMPEG4V2, "msmpeg4v2"},
    {AV_CODEC_ID_MSMPEG4V3, "msmpeg4"},
    {AV_CODEC_ID_MPEG1VIDEO, "mpeg1video"},
    {AV_CODEC_ID_MPEG2VIDEO, "mpeg2video"},
    {AV_CODEC_ID_MJPEG, "mjpeg"},
    {AV_CODEC_ID_WMV1, "wmv1"},
    {AV_CODEC_ID_WMV2, "wmv2"},
    {AV_CODEC_ID_WMV3, "wmv3"},
    {AV_CODEC_ID_VC1, "vc1"},
    {AV_CODEC_ID_THEORA, "theora"},
    {AV_CODEC_ID_H263, "h263"},
    {AV_CODEC_ID_FLV1, "flv"},
    {AV_CODEC_ID_PRORES, "prores"},
    {AV_CODEC_ID_GIF, "gif"},
    {AV_CODEC_ID_PNG, "png"},
    {AV_CODEC_ID_WEBP, "webp"},
};

/* FFmpeg 6.1 moved it from the stream to its codec parameters. */
const uint8_t *codecs_side_data(const AVStream *stream, enum AVPacketSideDataType type, size_t *size)
{
#if LIBAVCODEC_VERSION_INT >= AV_VERSION_INT(60, 31, 100)
    const AVPacketSideData *data =
        av_packet_side_data_get(stream->codecpar->coded_side_data, stream->codecpar->nb_coded_side_data, type);
    *size = data ? data->size : 0;
    return data ? data->data : NULL;
#else
    return av_stream_get_side_data(stream, type, size);
#endif
}

/* The profile of Dolby Vision whose colours (IPT, reshaped by metadata of each picture) only its own decoders know; 0
 * for what others can show, too. */
static int dolby_profile(const AVStream *stream)
{
    size_t size;
    const AVDOVIDecoderConfigurationRecord *record =
        (const void *)codecs_side_data(stream, AV_PKT_DATA_DOVI_CONF, &size);
    if (!record || size < sizeof *record || record->dv_bl_signal_compatibility_id != 0)
        return 0;
    return record->dv_profile == 5 || record->dv_profile == 10 ? record->dv_profile : 0;
}

/* The decoder that knows of the transparency of VP8 and VP9; NULL if there is none, or not built in: then what is
 * transparent shows. */
static const AVCodec *find_with_alpha(const AVStream *stream)
{
    if (!av_dict_get(stream->metadata, "alpha_mode", NULL, 0))
        return NULL;
    switch (stream->codecpar->codec_id) {
    case AV_CODEC_ID_VP8: return avcodec_find_decoder_by_name("libvpx");
    case AV_CODEC_ID_VP9: return avcodec_find_decoder_by_name("libvpx-vp9");
    default: return NULL;
    }
}

const AVCodec *codecs_find(const AVStream *stream)
{
    if (dolby_profile(stream) > 0)
        return NULL;
    const AVCodec *codec = find_with_alpha(stream);
    for (size_t i = 0; !codec && i < sizeof codecs / sizeof codecs[0]; i++)
        if (codecs[i].id == stream->codecpar->codec_id)
            codec = avcodec_find_decoder_by_name(codecs[i].decoder);
    return codec;
}

void codecs_name(const AVStream *stream, char name[CODECS_NAME_BYTES])
{
    char tag[AV_FOURCC_MAX_STRING_SIZE];
    const AVCodecParameters *parameters = stream->codecpar;
    if (dolby_profile(stream) > 0)
        (void)snprintf(name, CODECS_NAME_BYTES, "Dolby Vision profile %d", dolby_profile(stream));
    else
        (void)snprintf(name, CODECS_NAME_BYTES, "%s",
                       parameters->codec_id != AV_CODEC_ID_NONE ? avcodec_get_name(parameters->codec_id)
                                                                : av_fourcc_make_string(tag, parameters->codec_tag));
}
