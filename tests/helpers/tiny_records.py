"""Small files of video-level records, as YouTube-8M hands them out."""


def write_records(path, records, key="id"):
    """Write video-level records as YouTube-8M has them: id, labels, mean_rgb, mean_audio."""
    import tensorflow as tf

    def floats(number):
        return tf.train.Feature(float_list=tf.train.FloatList(value=[0.5] * number))

    with tf.io.TFRecordWriter(str(path)) as writer:
        for video_id, labels in records:
            feature = {
                key: tf.train.Feature(bytes_list=tf.train.BytesList(value=[video_id.encode()])),
                "labels": tf.train.Feature(int64_list=tf.train.Int64List(value=labels)),
                "mean_rgb": floats(1024),
                "mean_audio": floats(128),
            }
            writer.write(tf.train.Example(features=tf.train.Features(feature=feature)).SerializeToString())
