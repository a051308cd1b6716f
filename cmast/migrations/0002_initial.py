import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('cmast', '0001_initial'),
        ('programmes', '0001_initial'),
    ]

    operations = [
        migrations.AddField(
            model_name='membership',
            name='programme',
            field=models.ForeignKey(blank=True, help_text='For a programme.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='memberships', to='programmes.programme'),
        ),
        migrations.AddField(
            model_name='membership',
            name='workstream',
            field=models.ForeignKey(blank=True, help_text='For a workstream.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='memberships', to='programmes.workstream'),
        ),
        migrations.AddField(
            model_name='note',
            name='asked_of',
            field=models.ForeignKey(blank=True, help_text='For a query: who should answer.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='queries', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='notesubject',
            name='about_note',
            field=models.ForeignKey(help_text='The note.', on_delete=django.db.models.deletion.CASCADE, related_name='subjects', to='cmast.note'),
        ),
        migrations.AddField(
            model_name='organisation',
            name='parent',
            field=models.ForeignKey(blank=True, help_text='Body that it is part of.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='children', to='cmast.organisation'),
        ),
        migrations.AddField(
            model_name='organisation',
            name='successor',
            field=models.ForeignKey(blank=True, help_text='Organisation that it became.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='predecessors', to='cmast.organisation'),
        ),
        migrations.AddField(
            model_name='membership',
            name='organisation',
            field=models.ForeignKey(blank=True, help_text='For an organisation.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='memberships', to='cmast.organisation'),
        ),
        migrations.AddField(
            model_name='site',
            name='organisation',
            field=models.ForeignKey(blank=True, help_text='Who runs it, where known.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='sites', to='cmast.organisation'),
        ),
        migrations.AddField(
            model_name='source',
            name='issuer',
            field=models.ForeignKey(blank=True, help_text='Who issued it.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='cmast.organisation'),
        ),
        migrations.AddField(
            model_name='source',
            name='source',
            field=models.ForeignKey(blank=True, help_text='Document that states this record.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='cmast.source'),
        ),
        migrations.AddField(
            model_name='site',
            name='source',
            field=models.ForeignKey(blank=True, help_text='Document that states this record.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='cmast.source'),
        ),
        migrations.AddField(
            model_name='organisation',
            name='source',
            field=models.ForeignKey(blank=True, help_text='Document that states this record.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='cmast.source'),
        ),
        migrations.AddField(
            model_name='notesubject',
            name='source',
            field=models.ForeignKey(blank=True, help_text='Document that states this record.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='cmast.source'),
        ),
        migrations.AddField(
            model_name='note',
            name='source',
            field=models.ForeignKey(blank=True, help_text='Document that states this record.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='cmast.source'),
        ),
        migrations.AddField(
            model_name='membership',
            name='source',
            field=models.ForeignKey(blank=True, help_text='Document that states this record.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='cmast.source'),
        ),
        migrations.AddField(
            model_name='person',
            name='source',
            field=models.ForeignKey(blank=True, help_text='Document that states this record.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='cmast.source'),
        ),
        migrations.AddField(
            model_name='sourcesection',
            name='document',
            field=models.ForeignKey(help_text='Document that it is part of.', on_delete=django.db.models.deletion.CASCADE, related_name='sections', to='cmast.source'),
        ),
        migrations.AddField(
            model_name='sourcesection',
            name='source',
            field=models.ForeignKey(blank=True, help_text='Document that states this record.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='cmast.source'),
        ),
        migrations.AddConstraint(
            model_name='source',
            constraint=models.UniqueConstraint(fields=('external_source', 'external_id'), name='cmast_source_external', violation_error_message='Another record already has this external_source and external_id.'),
        ),
        migrations.AddConstraint(
            model_name='source',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('external_id__isnull', True), ('external_source__isnull', True)), models.Q(('external_id__isnull', False), ('external_source__isnull', False)), _connector='OR'), name='cmast_source_external_pair', violation_error_message='external_source and external_id belong together: give both or neither.'),
        ),
        migrations.AddConstraint(
            model_name='site',
            constraint=models.UniqueConstraint(fields=('external_source', 'external_id'), name='cmast_site_external', violation_error_message='Another record already has this external_source and external_id.'),
        ),
        migrations.AddConstraint(
            model_name='site',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('external_id__isnull', True), ('external_source__isnull', True)), models.Q(('external_id__isnull', False), ('external_source__isnull', False)), _connector='OR'), name='cmast_site_external_pair', violation_error_message='external_source and external_id belong together: give both or neither.'),
        ),
        migrations.AddConstraint(
            model_name='organisation',
            constraint=models.UniqueConstraint(fields=('external_source', 'external_id'), name='cmast_organisation_external', violation_error_message='Another record already has this external_source and external_id.'),
        ),
        migrations.AddConstraint(
            model_name='organisation',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('external_id__isnull', True), ('external_source__isnull', True)), models.Q(('external_id__isnull', False), ('external_source__isnull', False)), _connector='OR'), name='cmast_organisation_external_pair', violation_error_message='external_source and external_id belong together: give both or neither.'),
        ),
        migrations.AddConstraint(
            model_name='organisation',
            constraint=models.CheckConstraint(condition=models.Q(('valid_from__isnull', True), ('valid_to__isnull', True), ('valid_to__gte', models.F('valid_from')), _connector='OR'), name='cmast_organisation_valid_from_order', violation_error_message='valid_to must not be before valid_from.'),
        ),
        migrations.AddConstraint(
            model_name='organisation',
            constraint=models.UniqueConstraint(condition=models.Q(('valid_to__isnull', True)), fields=('ods_code',), name='cmast_organisation_ods_code', violation_error_message='Another current organisation has this ODS code.'),
        ),
        migrations.AddConstraint(
            model_name='organisation',
            constraint=models.CheckConstraint(condition=models.Q(('trust_type__isnull', True), ('kind', 'nhs_trust'), _connector='OR'), name='cmast_organisation_trust_type', violation_error_message='Only an NHS trust has a trust type.'),
        ),
        migrations.AddIndex(
            model_name='notesubject',
            index=models.Index(fields=['record_type', 'record_key'], name='cmast_notesubject_record'),
        ),
        migrations.AddConstraint(
            model_name='notesubject',
            constraint=models.UniqueConstraint(fields=('external_source', 'external_id'), name='cmast_notesubject_external', violation_error_message='Another record already has this external_source and external_id.'),
        ),
        migrations.AddConstraint(
            model_name='notesubject',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('external_id__isnull', True), ('external_source__isnull', True)), models.Q(('external_id__isnull', False), ('external_source__isnull', False)), _connector='OR'), name='cmast_notesubject_external_pair', violation_error_message='external_source and external_id belong together: give both or neither.'),
        ),
        migrations.AddConstraint(
            model_name='notesubject',
            constraint=models.UniqueConstraint(fields=('about_note', 'record_type', 'record_key'), name='cmast_notesubject_once'),
        ),
        migrations.AddConstraint(
            model_name='note',
            constraint=models.UniqueConstraint(fields=('external_source', 'external_id'), name='cmast_note_external', violation_error_message='Another record already has this external_source and external_id.'),
        ),
        migrations.AddConstraint(
            model_name='note',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('external_id__isnull', True), ('external_source__isnull', True)), models.Q(('external_id__isnull', False), ('external_source__isnull', False)), _connector='OR'), name='cmast_note_external_pair', violation_error_message='external_source and external_id belong together: give both or neither.'),
        ),
        migrations.AddConstraint(
            model_name='note',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('kind', 'query'), ('status__isnull', False)), models.Q(('kind', 'note'), ('status__isnull', True)), _connector='OR'), name='cmast_note_status', violation_error_message='A query has a status, a note has none.'),
        ),
        migrations.AddConstraint(
            model_name='membership',
            constraint=models.UniqueConstraint(fields=('external_source', 'external_id'), name='cmast_membership_external', violation_error_message='Another record already has this external_source and external_id.'),
        ),
        migrations.AddConstraint(
            model_name='membership',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('external_id__isnull', True), ('external_source__isnull', True)), models.Q(('external_id__isnull', False), ('external_source__isnull', False)), _connector='OR'), name='cmast_membership_external_pair', violation_error_message='external_source and external_id belong together: give both or neither.'),
        ),
        migrations.AddConstraint(
            model_name='membership',
            constraint=models.CheckConstraint(condition=models.Q(('valid_from__isnull', True), ('valid_to__isnull', True), ('valid_to__gte', models.F('valid_from')), _connector='OR'), name='cmast_membership_valid_from_order', violation_error_message='valid_to must not be before valid_from.'),
        ),
        migrations.AddConstraint(
            model_name='membership',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('organisation__isnull', True), ('workstream__isnull', True)), models.Q(('organisation__isnull', True), ('programme__isnull', True)), models.Q(('programme__isnull', True), ('workstream__isnull', True)), _connector='OR'), name='cmast_membership_one_programme', violation_error_message='Give at most one of programme, workstream, organisation.'),
        ),
        migrations.AddConstraint(
            model_name='membership',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('role__in', ['sro', 'programme_director', 'programme_manager']), _negated=True), ('programme__isnull', False), _connector='OR'), name='cmast_membership_programme_role', violation_error_message='This role is held on one programme: say which.'),
        ),
        migrations.AddConstraint(
            model_name='membership',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('role__in', ['workstream_lead']), _negated=True), ('workstream__isnull', False), _connector='OR'), name='cmast_membership_workstream_role', violation_error_message='This role is held on one workstream: say which.'),
        ),
        migrations.AddConstraint(
            model_name='membership',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('role__in', ['trust_contributor', 'trust_approver']), _negated=True), ('organisation__isnull', False), _connector='OR'), name='cmast_membership_organisation_role', violation_error_message='This role is held on one organisation: say which.'),
        ),
        migrations.AddConstraint(
            model_name='person',
            constraint=models.UniqueConstraint(fields=('external_source', 'external_id'), name='cmast_person_external', violation_error_message='Another record already has this external_source and external_id.'),
        ),
        migrations.AddConstraint(
            model_name='person',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('external_id__isnull', True), ('external_source__isnull', True)), models.Q(('external_id__isnull', False), ('external_source__isnull', False)), _connector='OR'), name='cmast_person_external_pair', violation_error_message='external_source and external_id belong together: give both or neither.'),
        ),
        migrations.AddConstraint(
            model_name='sourcesection',
            constraint=models.UniqueConstraint(fields=('external_source', 'external_id'), name='cmast_sourcesection_external', violation_error_message='Another record already has this external_source and external_id.'),
        ),
        migrations.AddConstraint(
            model_name='sourcesection',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('external_id__isnull', True), ('external_source__isnull', True)), models.Q(('external_id__isnull', False), ('external_source__isnull', False)), _connector='OR'), name='cmast_sourcesection_external_pair', violation_error_message='external_source and external_id belong together: give both or neither.'),
        ),
    ]
