from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("cmast", "0007_access_stamp")]

    operations = [
        migrations.AlterField(
            model_name="idempotencykey",
            name="answer",
            field=models.TextField(blank=True, default="", help_text="Body of the answer."),
            preserve_default=False,
        )
    ]
